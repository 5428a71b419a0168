package receiver_test

import (
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/rules/model"
	"vigie/rules/story"
)

// keepDatabases has TestDatabases write the databases of this build, for later
// builds to open, instead of opening those of an earlier one.
var keepDatabases = flag.String("keep-databases", "", "folder to write databases of this build into")

// kept is a story that an earlier build played up to an instant.
type kept struct {
	example, story string
	cut            time.Time
}

// paris is the zone of the shipped examples in winter.
var paris = time.FixedZone("CET", 3600)

func keptStories() []kept {
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2025, month, day, hour, minute, 30, 0, paris)
	}
	return []kept{
		{"synomega", "double-failure-other-way-round", at(3, 10, 9, 30)},
		{"synomega", "call-three-tries", at(3, 19, 12, 0)},
		{"synomega", "silenced-not-repaired", at(3, 10, 12, 0)},
		{"synomega", "address-refused-all-day", at(3, 10, 11, 0)},
		{"synomega", "duty-changes-hands", at(3, 10, 20, 0)},
		{"synomega", "vendor-outage-over", at(3, 10, 9, 45)},
		{"synomega", "workstation-answered", at(3, 12, 12, 0)},
		{"synomega", "local-not-today", at(3, 10, 10, 30)},
		{"synomega", "five-nights", at(3, 12, 12, 0)},
		{"activeprolearn", "host-cut", at(3, 10, 11, 0)},
		{"activeprolearn", "cascade", at(3, 10, 11, 0)},
		{"activeprolearn", "immediate-to-the-second", at(3, 10, 10, 5)},
		{"activeprolearn", "restoration", at(3, 14, 19, 0)},
		{"activeprolearn", "minor-six-days", at(3, 12, 12, 0)},
	}
}

// builds are the earlier builds whose databases are kept in testdata/databases.
var builds = []string{"2026-11"}

// TestDatabases has this build go on where an earlier one stopped in the middle
// of a story: what follows is what follows in the uninterrupted story. No step is
// done twice, no deadline moves, and the journal of both verifies.
func TestDatabases(t *testing.T) {
	for _, k := range keptStories() {
		t.Run(k.example+"/"+k.story, func(t *testing.T) {
			folder := filepath.Join("..", "deploy", "examples", k.example)
			setup := asOf(t, builds[0], k.example)
			words, err := setup.Config.Renderer()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "stories", k.story+".yml")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tale, err := story.Parse(path, text)
			if err != nil {
				t.Fatal(err)
			}
			if *keepDatabases != "" {
				h := newTheatre(t, *setup, words.Render, tale)
				h.playUntil(k.cut)
				keep(t, h.database(), filepath.Join(*keepDatabases, k.example+"-"+k.story+".db.gz"))
				return
			}
			for _, build := range builds {
				resume(t, *setup, words.Render, tale, k, filepath.Join("testdata", "databases", build, k.example+"-"+k.story+".db.gz"))
			}
		})
	}
}

// asOf is an example with the policy that it had when an earlier build kept its
// databases: their incidents have pinned it.
func asOf(t *testing.T, build, example string) *receiver.Setup {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{filepath.Join("..", "deploy", "examples", example), filepath.Join("testdata", "databases", build, example)} {
		to := dir
		if strings.HasPrefix(from, "testdata") {
			to = filepath.Join(dir, "policy")
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	setup, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// withoutVerdicts takes from the journal's lines how a target stood, which earlier
// builds did not write.
func withoutVerdicts(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i], _, _ = strings.Cut(line, "; from 20")
	}
	return out
}

func resume(t *testing.T, setup receiver.Setup, words receiver.Render, tale *story.Story, k kept, file string) {
	t.Helper()
	happened, err := story.Play(setup.Book, tale, story.Options{Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	later := happened[:0:0]
	for _, x := range happened {
		if x.What == "journal" || x.At.After(k.cut) {
			later = append(later, x)
		}
	}
	h := resumeTheatre(t, setup, words, tale, file, k.cut)
	want, got := withoutVerdicts(pureLines(later)), withoutVerdicts(h.play())
	slices.Sort(want)
	slices.Sort(got)
	if !slices.ContainsFunc(happened, func(x story.Happening) bool { return x.At.After(k.cut) }) {
		t.Fatal("nothing happens after the cut: choose another instant")
	}
	if d := difference(want, got); d != "" {
		t.Errorf("what follows differs (- only without the interruption, + only with it):\n%s", d)
	}
	verifies(t, h.database())
}

func verifies(t *testing.T, path string) {
	t.Helper()
	a, err := store.OpenArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.View(t.Context(), func(tx *store.Tx) error {
		v, err := tx.Verify()
		if err == nil && len(v.Faults) > 0 {
			t.Errorf("the journal does not verify: %+v", v.Faults)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDatabaseHeldEnding has this build judge an ending that an earlier one held
// back: the alert of a platform that fired no more when Prometheus was last known
// to live before that.
func TestDatabaseHeldEnding(t *testing.T) {
	const name = "held-ending.db.gz"
	a, b := alert{"alertname": "PageDown", "platform": "lms-A"}, alert{"alertname": "PageDown", "platform": "lms-B"}
	if *keepDatabases != "" {
		r := newRig(t, 0)
		r.fires(dog, a, b)
		r.pass(time.Minute)
		r.clears(a, b)
		r.pass(30 * time.Second)
		keep(t, filepath.Join(r.dir, "vigie.db"), filepath.Join(*keepDatabases, name))
		return
	}
	for _, build := range builds {
		r := newRig(t, 0, func(r *rig) {
			r.t.Helper()
			unpack(t, filepath.Join("testdata", "databases", build, name), filepath.Join(r.dir, "vigie.db"))
			r.set(monday.Add(90 * time.Second))
		})
		r.state("i1", model.Open)
		r.fires(b)
		r.pass(61 * time.Second)
		r.fires(dog)
		r.pass(2 * time.Second)
		r.state("i1", model.Resolved)
		r.state("i2", model.Open)
		verifies(t, filepath.Join(r.dir, "vigie.db"))
	}
}

// keep writes a packed copy of a database that is in use.
func keep(t *testing.T, path, to string) {
	t.Helper()
	plain := filepath.Join(t.TempDir(), "copy.db")
	if err := store.Backup(t.Context(), path, plain); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// resumeTheatre is a theatre whose receiver finds a database, and in whose world
// the story has come to an instant already.
func resumeTheatre(t *testing.T, setup receiver.Setup, words receiver.Render, tale *story.Story, file string, cut time.Time) *theatre {
	t.Helper()
	h := prepareTheatre(t, setup, words, tale)
	unpack(t, file, h.database())
	h.skip(cut)
	h.open()
	h.engine.ProveAlive(cut)
	h.show()
	rows, err := h.sql.Query(`SELECT m.id FROM message m JOIN transmission t ON t.message = m.id GROUP BY m.id HAVING SUM(t.next_at IS NOT NULL) = 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		h.sealed[id] = true // accounted for before the cut
	}
	return h
}

// skip lets the world go on up to an instant without the receiver.
func (h *theatre) skip(cut time.Time) {
	h.t.Helper()
	for {
		at := h.stage.Next()
		if m := h.stage.Minute(); !m.IsZero() && (at.IsZero() || m.Before(at)) {
			at = m
		}
		if at.IsZero() || at.After(cut) {
			break
		}
		h.set(at)
		for h.stage.Next().Equal(at) {
			n, err := h.stage.Happen()
			if err != nil {
				h.t.Fatal(err)
			}
			switch {
			case n.Report != nil:
				h.reports++
			case n.Inventory:
				h.reloadable.Book = h.stage.Book()
			case n.Refuses != "", !n.MailDownUntil.IsZero():
				h.happen(n)
			}
		}
		if h.stage.Minute().Equal(at) {
			h.stage.Reconciled(at)
		}
	}
	h.set(cut)
}

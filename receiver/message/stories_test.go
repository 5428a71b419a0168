package message

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/deploy/exampletest"
	"vigie/rules/incident"
	"vigie/rules/story"
)

// TestMailsOfStories renders in both languages every mail of the stories that
// have a file here: what a reader gets of decisions that were really taken. To
// read another story add an empty file EXAMPLE.STORY.LANGUAGE.txt and run with
// -update.
func TestMailsOfStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories to read: %v", err)
	}
	for _, file := range files {
		parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".txt"), ".")
		if len(parts) != 3 {
			t.Fatalf("%s is not called EXAMPLE.STORY.LANGUAGE.txt", file)
		}
		t.Run(strings.Join(parts, "/"), func(t *testing.T) {
			compareGolden(t, file, mailsOf(t, parts[0], parts[1], parts[2]))
		})
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w, g := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for n := range max(len(w), len(g)) {
		if n >= len(w) || n >= len(g) || w[n] != g[n] {
			t.Fatalf("%s differs at line %d:\nwant %q\ngot  %q", file, n+1, lineOf(w, n), lineOf(g, n))
		}
	}
}

func lineOf(lines []string, n int) string {
	if n < len(lines) {
		return lines[n]
	}
	return "(end)"
}

// mailsOf plays a story of an example and returns its mails as one text.
func mailsOf(t *testing.T, example, name, language string) string {
	t.Helper()
	path := filepath.Join("../../deploy/examples", example, "stories", name+".yml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return mailsTold(t, example, string(text), language)
}

// mailsTold plays a story that is given as text.
func mailsTold(t *testing.T, example, text, language string) string {
	t.Helper()
	tale, err := story.Parse("story.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRenderer(Options{Organisation: "SYNOMEGA", Phone: "05 61 00 00 00", Outside: func(p incident.Party) bool { return p.Outside },
		Links: Links{Base: "https://vigie.example", Token: func(n incident.Notification, _ incident.Party, purpose string) string {
			return fmt.Sprintf("%s-%d", purpose, n.Data.Number)
		}}})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	read := func(ns []incident.Notification) string {
		for n := range ns {
			ns[n].Language = language
		}
		write := func(ns []incident.Notification, by string) string {
			mail, err := r.Render(ns)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsRune(mail.Subject+mail.Text+mail.HTML, utf8.RuneError) {
				t.Errorf("%s holds U+FFFD:\n%s", mail.Subject, mail.Text)
			}
			fmt.Fprintf(&all, "%s %s\nSubject: %s\n\n%s\n%s\n", ns[0].DecidedAt.UTC().Format("2006-01-02 15:04:05Z"), by, mail.Subject, mail.Text, strings.Repeat("=", 72))
			return mail.Subject
		}
		subject := write(ns, fmt.Sprintf("To: %s Cc: %s", addresses(ns[0].To), addresses(ns[0].Cc)))
		for _, p := range ns[0].Cc {
			if ns[0].Apart(p) {
				write(incident.InCopy(ns, p), "as "+p.Address+" reads it")
			}
		}
		return subject
	}
	if _, err := story.Play(exampletest.Book(t, example), tale, story.Options{Subject: read}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func addresses(ps []incident.Party) string {
	var all []string
	for _, p := range ps {
		all = append(all, p.Address)
	}
	return strings.Join(all, ", ")
}

// covers: S1.18; whoever is written to about a machine that another uses does not read
// that it is his own.
func TestWhoseComputer(t *testing.T) {
	for story, want := range map[string]string{"whom-to-write": "la sauvegarde de l'ordinateur PC-LEA", "workstation-next-day": "la sauvegarde de votre ordinateur PC-LEA"} {
		if mails := strings.ToLower(strings.Join(strings.Fields(mailsOf(t, "synomega", story, "fr")), " ")); !strings.Contains(mails, strings.ToLower(want)) {
			t.Errorf("%s does not say %q", story, want)
		}
	}
}

// covers: S2.16; level 3 reads its own level, whoever hands over.
func TestLevelOfLevel3(t *testing.T) {
	mails := mailsOf(t, "activeprolearn", "blocking", "en")
	_, m5, _ := strings.Cut(mails, "To: l3@apl.example")
	m5, _, _ = strings.Cut(m5, strings.Repeat("=", 72))
	if !strings.Contains(m5, "[LEVEL 3]") || !regexp.MustCompile(`Level +: 3`).MatchString(m5) {
		t.Errorf("level 3 reads\n%s", m5)
	}
}

// covers: S2.23, S2.25; the customer reads the note of a qualification and of an end, which
// says so where it is typed, and no reason.
func TestAReasonIsNotANote(t *testing.T) {
	for field, shown := range map[string]bool{"note": true, "reason": false} {
		mails := mailsTold(t, "activeprolearn", `start: 2026-11-03T09:00:00+01:00
until: 2026-11-03T12:00:00+01:00
events:
  - at: 2026-11-03T10:00:00+01:00
    report: {kind: l2_voluntary, platform: lms-A, by: exploit@lms-a.example, severity: major, text: "slow"}
  - at: 2026-11-03T10:05:00+01:00
    act: {verb: qualify, by: op, severity: major, cause: int.settings, `+field+`: "the words of why", incident: {platform: lms-A}}
  - at: 2026-11-03T11:00:00+01:00
    act: {verb: resolve, by: op, cause: int.settings, note: done, incident: {platform: lms-A}}
`, "en")
		_, m4, _ := strings.Cut(mails, "PRE-QUALIFICATION")
		m4, _, _ = strings.Cut(m4, strings.Repeat("=", 72))
		if strings.Contains(m4, "the words of why") != shown {
			t.Errorf("%s: %s", field, m4)
		}
	}
}

// Where nothing is heard no source stands in its place, and a source that cannot be
// read is named, not the exporter that says so.
func TestWhatIsNotRead(t *testing.T) {
	for text, want := range map[string]string{
		"alertname: VigieMonitoringBlind, kind: blind, source: vigie":                                      "\nLa supervision ne reçoit plus rien :",
		"alertname: BackupSourceDown, kind: source_down, source: veeam-lyon, exporter: 'site-martin:9891'": "\nVeeam-lyon n'est plus lu",
		"alertname: BackupExporterAbsent, kind: exporter_absent, exporter: 'site-martin:9891'":             "\nL'exportateur site-martin:9891 n'est plus lu",
	} {
		mails := mailsTold(t, "synomega", "start: 2026-03-09T08:00:00+01:00\nuntil: 2026-03-09T08:10:00+01:00\nevents:\n  - at: 2026-03-09T08:00:00+01:00\n    fires: {"+text+"}\n", "fr")
		if !strings.Contains(mails, want) {
			t.Errorf("%s: not said %q:\n%s", text, want, mails)
		}
	}
}

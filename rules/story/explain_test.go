package story

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/situation"
)

// covers: what an explanation names as next is never later than what the clock alone
// brings then: asked a second before the first such steps of every example, it names that
// instant or an earlier one, and the incident wakes by then.
func TestExplanationsNameWhatComes(t *testing.T) {
	for _, example := range []string{"synomega", "activeprolearn"} {
		book := exampleBook(t, example)
		files, err := filepath.Glob(filepath.Join(examples, example, "stories/*.yml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(example+"/"+filepath.Base(file), func(t *testing.T) { explanations(t, book, file, text) })
		}
	}
}

func explanations(t *testing.T, book *rules.Book, file string, text []byte) {
	parse := func() *Story {
		s, err := Parse(file, text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	happened, err := Play(book, parse(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	asked := map[time.Time]bool{}
	for _, h := range happened {
		if outsideOnly[h.Step] {
			continue
		}
		if h.What != happenedNotification || asked[h.DecidedAt] || h.DecidedAt.Nanosecond() != 0 || h.DecidedAt.Second() != 0 || eventNear(parse(), h.DecidedAt) {
			continue
		}
		if asked[h.DecidedAt] = true; len(asked) > 3 {
			return
		}
		s := parse()
		s.Until = moment{at: h.DecidedAt.Add(-time.Second)}
		keep := 0
		for keep < len(s.Events) && !s.Events[keep].At.at.After(s.Until.at) {
			keep++
		}
		s.Events = s.Events[:keep]
		p := newPlayer(book, s, Options{})
		if err := p.play(s); err != nil {
			continue // what is left names what has not happened yet
		}
		explained(t, p, h)
	}
}

func eventNear(s *Story, at time.Time) bool {
	for _, e := range s.Events {
		if d := at.Sub(e.At.at); d >= -time.Second && d < 3*time.Minute {
			return true
		}
	}
	return false
}

// outsideOnly are steps that follow from what is measured or found, or that were held
// back while something common was sorted out: nobody knows them a second before.
var outsideOnly = map[string]bool{"repaired": true, "unavailable": true, "opened": true, "operator": true}

// explained fails unless an explanation of now agrees with a step that the clock
// brings within a second.
func explained(t *testing.T, p *player, h Happening) {
	t.Helper()
	for _, r := range p.store.All() {
		if r.ID != h.Incident || r.State.Ended() {
			continue
		}
		b := p.batch()
		around, err := b.Circumstances(b.Track(r))
		if err != nil {
			t.Fatal(err)
		}
		e := p.book.Explain(r.Incident, around, p.now)
		if e.Next.IsZero() || e.Next.After(h.DecidedAt) {
			t.Errorf("%s: %s comes at %s, and the second before %q is said (wakes at %s)", h.Incident, h.Step, h.DecidedAt, e.Summary, r.WakeAt)
		}
		named := func(at time.Time) bool {
			for _, x := range slices.Concat(e.Steps, e.Targets) {
				if x.Due.Equal(at) || x.Due.Equal(at.Add(-time.Second)) { // a breach is a second late
					return true
				}
			}
			return slices.ContainsFunc(e.Wakes, func(a situation.Ahead) bool { return a.At.Equal(at) })
		}
		for what, at := range map[string]time.Time{"wakes": r.WakeAt, "asks for evidence": r.PollAt} {
			if at.After(p.now) && !named(at) {
				t.Errorf("%s: it %s at %s, which is not named: %+v", h.Incident, what, at, e.Wakes)
			}
		}
		told := slices.ContainsFunc(slices.Collect(maps.Values(r.Silences)), func(s incident.Silence) bool { return s.EndsAt.Equal(e.Next) }) // by Alertmanager
		if !e.Next.IsZero() && !told && (r.WakeAt.IsZero() || r.WakeAt.After(e.Next.Add(time.Second)) && e.Next.After(p.now)) {
			t.Errorf("%s: next is %s, and it wakes at %s", h.Incident, e.Next, r.WakeAt)
		}
	}
}

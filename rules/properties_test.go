package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// asJSON is an incident as the store keeps it; equal texts are equal incidents.
func asJSON(t testing.TB, i incident.Incident) string {
	t.Helper()
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// walk is one incident on which everything happens at random. After every
// decision it checks what must always hold.
type walk struct {
	t      *testing.T
	r      *rand.Rand
	book   *rules.Book
	inc    incident.Incident
	around incident.Circumstances
	now    time.Time
	signal []model.Signal
	needs  *incident.Need
	trail  []string
	sent   []*letter
	acts   []incident.Act
}

// letter is a notification on its way.
type letter struct {
	incident.Notification
	left      []string // addresses that have not answered
	refused   []string
	withdrawn bool
	state     model.State // when it was decided
}

func (l *letter) complete() bool { return len(l.left) == 0 && len(l.refused) == 0 }

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(w.trail, "\n"))
}

// describe says in few words what happened.
func describe(ev incident.Event) string {
	switch e := ev.(type) {
	case incident.Fired:
		return fmt.Sprintf("fired %s since %s", e.Signal.Labels[model.LabelPlan], e.Signal.StartsAt.Format("15:04:05"))
	case incident.Cleared:
		return fmt.Sprintf("cleared %d, trusted %v", len(e.Fingerprints), e.Trusted)
	case incident.Acted:
		return fmt.Sprintf("act %s by %s %s", e.Act.Verb, e.Act.By, e.Act.Fields)
	case incident.Delivered:
		return fmt.Sprintf("delivered %s to %v, refused by %v", e.NotificationID, e.Accepted, e.Refused)
	case incident.Answered:
		text := "answered"
		for _, p := range e.Plans {
			text += fmt.Sprintf(" known=%v success=%s failure=%s", p.Known, p.LastSuccess.Format("02 15:04"), p.LastFailure.Format("02 15:04"))
		}
		if e.Other != nil {
			text += " other=" + string(e.Other.State)
		}
		return text
	}
	return fmt.Sprintf("%T", ev)
}

// decide takes an event and checks the decision.
func (w *walk) decide(ev incident.Event) incident.Decision {
	w.trail = append(w.trail, fmt.Sprintf("%s %-10s %s", w.now.Format("Mon 01-02 15:04:05"), w.inc.State, describe(ev)))
	if len(w.trail) > 25 {
		w.trail = w.trail[1:]
	}
	before := asJSON(w.t, w.inc)
	d := w.book.Decide(w.inc, ev, w.around, w.now)
	if after := asJSON(w.t, w.inc); after != before {
		w.fail("Decide changed its argument\nfrom %s\nto   %s", before, after)
	}
	if d.Refusal != nil {
		if d.Refusal.Error() == "" || len(d.Notifications)+len(d.Journal) > 0 || asJSON(w.t, d.Incident) != before {
			w.fail("a refusal changes something: %+v", d)
		}
		return d
	}
	if d.Needs == nil && !d.WakeAt.IsZero() && !d.WakeAt.After(w.now) {
		w.fail("WakeAt %s is not after now %s although nothing is needed: a busy loop", d.WakeAt, w.now)
	}
	if !d.WakeAt.Equal(d.Incident.WakeAt) {
		w.fail("WakeAt %s is kept as %s", d.WakeAt, d.Incident.WakeAt)
	}
	w.inc, w.needs = d.Incident, d.Needs
	for _, n := range d.Notifications {
		l := &letter{Notification: n, state: d.Incident.State}
		for _, p := range append(slices.Clone(n.To), n.Cc...) {
			if p.Address == "" {
				w.fail("%s goes to nobody: %+v", n.ID, p)
			}
			l.left = append(l.left, p.Address)
		}
		if slices.ContainsFunc(w.sent, func(x *letter) bool { return x.ID == n.ID }) {
			w.fail("two notifications are called %s", n.ID)
		}
		w.sent = append(w.sent, l)
	}
	for _, id := range d.Withdraw {
		for _, l := range w.sent {
			l.withdrawn = l.withdrawn || l.ID == id
		}
	}
	again := w.book.Decide(d.Incident, incident.Tick{}, w.around, w.now)
	if len(again.Notifications)+len(again.Journal)+len(again.Breaches)+len(again.Tasks)+len(again.Withdraw) > 0 {
		w.fail("deciding again at the same instant does more: %+v %+v\nthan at first: %+v", again.Journal, again.Breaches, d.Journal)
	}
	if a, b := asJSON(w.t, d.Incident), asJSON(w.t, again.Incident); a != b {
		w.fail("deciding again at the same instant changes the incident\nfrom %s\nto   %s", a, b)
	}
	w.ruleW()
	w.spins()
	return d
}

// spins refuses an incident that wakes again and again to do nothing.
func (w *walk) spins() {
	inc, at := w.inc, w.now
	for range 4 {
		if w.needs != nil || inc.WakeAt.IsZero() || inc.WakeAt.Sub(at) > time.Second {
			return
		}
		at = inc.WakeAt
		d := w.book.Decide(inc, incident.Tick{}, w.around, at)
		if d.Needs != nil || len(d.Journal)+len(d.Notifications) > 0 {
			return
		}
		inc = d.Incident
	}
	w.fail("wakes each second and does nothing, until %s", at)
}

// ruleW: nobody counts as told without a message accepted by every To and Cc
// with both Expert and Vijay in it.
func (w *walk) ruleW() {
	if !w.inc.Flags[model.FlagAccountManagerTold] {
		return
	}
	s := w.book.Policy(w.inc.Policy).Scenario(w.inc.Scenario)
	for _, l := range w.sent {
		raises := slices.ContainsFunc(s.Steps, func(st *policy.Step) bool {
			return st.Name == l.Step && slices.Contains(st.Raises, model.FlagAccountManagerTold)
		})
		if !raises || l.Episode != w.inc.Episode || !l.complete() || l.Solo {
			continue
		}
		everyone := append(slices.Clone(l.To), l.Cc...)
		has := func(person string) bool {
			return slices.ContainsFunc(everyone, func(p incident.Party) bool { return p.Person == person })
		}
		if has("expert") && has("vijay") {
			return
		}
	}
	w.fail("account_manager_told without a written trace")
}

// deliver lets some recipients of a random letter answer.
func (w *walk) deliver(refusals bool) {
	var open []*letter
	for _, l := range w.sent {
		if len(l.left) > 0 && !l.withdrawn {
			open = append(open, l)
		}
	}
	if len(open) == 0 {
		return
	}
	l := open[w.r.IntN(len(open))]
	ev := incident.Delivered{NotificationID: l.ID, MessageID: l.ID + "@vigie.example"}
	var left []string
	for _, a := range l.left {
		switch k := w.r.IntN(8); {
		case k < 5:
			ev.Accepted = append(ev.Accepted, a)
		case k == 5 && refusals:
			ev.Refused = append(ev.Refused, a)
			l.refused = append(l.refused, a)
		default:
			left = append(left, a)
		}
	}
	l.left = left
	ev.Complete = l.complete()
	if l.Solo && ev.Complete {
		w.mended(l)
	}
	w.decide(ev)
	once := asJSON(w.t, w.inc)
	sent := len(w.sent)
	w.decide(ev)
	if twice := asJSON(w.t, w.inc); twice != once || len(w.sent) != sent {
		w.fail("a delivery that is told twice counts twice\nonce  %s\ntwice %s", once, twice)
	}
}

// mended notes that the changed address of a letter has accepted.
func (w *walk) mended(solo *letter) {
	for _, l := range w.sent {
		if strings.HasPrefix(solo.ID, l.ID+"/again:") && len(l.refused) > 0 {
			l.refused = l.refused[1:]
		}
	}
}

func (w *walk) answer() {
	if w.needs == nil {
		return
	}
	a := incident.Answered{AskedAt: w.now, Plans: map[string]incident.PlanEvidence{}}
	for f := range w.needs.Alerts {
		p := incident.PlanEvidence{Known: w.r.IntN(4) > 0, Lost: w.r.IntN(12) == 0}
		if p.Known {
			p.LastSuccess = w.now.Add(-time.Duration(w.r.IntN(36)) * time.Hour)
			p.LastFailure = w.now.Add(-time.Duration(w.r.IntN(36)) * time.Hour)
		}
		a.Plans[f] = p
	}
	if w.needs.Other != nil {
		states := []model.EvidenceState{model.EvidenceOK, model.EvidenceDegraded, model.EvidenceKO, model.EvidenceNone, model.EvidenceUnknown}
		a.Other = &incident.Evidence{State: states[w.r.IntN(len(states))]}
	}
	w.decide(a)
}

func (w *walk) pass() {
	steps := []time.Duration{0, time.Second, 20 * time.Second, 3 * time.Minute, 17 * time.Minute, 2 * time.Hour, 9 * time.Hour, 26 * time.Hour}
	step := steps[w.r.IntN(len(steps))]
	if at := w.inc.WakeAt; w.r.IntN(3) == 0 && at.After(w.now) && at.Before(w.now.Add(30*24*time.Hour)) {
		w.now = at
	} else {
		w.now = w.now.Add(step)
	}
	w.decide(incident.Tick{})
}

func (w *walk) firing() []string {
	var fs []string
	for f, a := range w.inc.Alerts {
		if a.Firing {
			fs = append(fs, f)
		}
	}
	slices.Sort(fs)
	return fs
}

func (w *walk) event() {
	switch w.r.IntN(12) {
	case 0:
		s := w.signal[w.r.IntN(len(w.signal))]
		s.StartsAt = w.now.Add(-time.Duration(w.r.IntN(7200)) * time.Second)
		w.decide(incident.Fired{Signal: s, Confirmed: w.r.IntN(3) == 0})
	case 1, 2:
		if fs := w.firing(); len(fs) > 0 {
			w.decide(incident.Cleared{Fingerprints: fs[:1+w.r.IntN(len(fs))], At: w.now, Trusted: w.r.IntN(5) > 0, Lost: w.r.IntN(8) == 0})
		}
	case 3, 4:
		a := w.acts[w.r.IntN(len(w.acts))]
		a.Fields = a.Fields.Clone()
		kept := a.Fields.Clone()
		w.decide(incident.Acted{Act: a})
		if a.Fields.String() != kept.String() {
			w.fail("Decide changed the act's own fields from %s to %s", kept, a.Fields)
		}
	case 5:
		var active []incident.Silence
		if w.r.IntN(2) == 0 {
			active = []incident.Silence{{ID: "s", Matchers: []string{`machine="SRV-AD"`}, By: "adm2", StartsAt: w.now, EndsAt: w.now.Add(time.Hour)}}
		}
		w.decide(incident.Silenced{Active: active})
	case 6:
		w.around = incident.Circumstances{}
		if w.r.IntN(3) == 0 {
			w.around.Siblings = []incident.Sibling{{ID: "9", Role: []string{"local", "primary"}[w.r.IntN(2)], State: model.Open, DoubleTold: w.r.IntN(2) == 0}}
		}
		w.around.SourceDown = w.r.IntN(4) == 0
		if w.r.IntN(5) == 0 {
			w.around.Outage, w.around.OutageID = "k", "12"
		}
		w.decide(incident.Related{})
	case 7, 8:
		w.answer()
	case 9, 10:
		w.deliver(w.r.IntN(4) == 0)
	case 11:
		w.decide(incident.Refreshed{})
	}
}

var backupActs = []incident.Act{
	{Verb: "take", By: "adm1"}, {Verb: "take", By: "am.dupont", Force: true}, {Verb: "assign", By: "sup", Fields: model.Labels{"to": "adm2"}},
	{Verb: "note", By: "adm1", Fields: model.Labels{"note": "x"}}, {Verb: "attempt", By: "adm1"},
	{Verb: "forecast", By: "adm1", Fields: model.Labels{"today": "false", "reason": "disk"}},
	{Verb: "forecast", By: "adm1", Fields: model.Labels{"today": "true"}},
	{Verb: "escalate", By: "adm1", Fields: model.Labels{"reason": "disk"}}, {Verb: "answer", By: "lea", External: true},
	{Verb: "call", By: "sup", Fields: model.Labels{"outcome": "voicemail"}}, {Verb: "call", By: "sup", Fields: model.Labels{"outcome": "reached"}},
	{Verb: "call", By: "sup", Fields: model.Labels{"outcome": "wrong number"}},
	{Verb: "check_other", By: "adm1", Fields: model.Labels{"result": "ok", "note": "seen"}}, {Verb: "pause", By: "adm1"}, {Verb: "resume", By: "adm1"},
	{Verb: "resolve", By: "adm1", Fields: model.Labels{"note": "replaced"}}, {Verb: "close", By: "adm1", Fields: model.Labels{"reason": "duplicate"}},
	{Verb: "reopen", By: "adm1"}, {Verb: "rebase", By: "adm1"}, {Verb: "merge", By: "adm1", Fields: model.Labels{"into": "8"}},
}

// walks runs many random lives of one incident.
func walks(t *testing.T, name string, seeds, length int, begin func(*walk), after func(*walk)) {
	book := exampleBook(t, name)
	if testing.Short() {
		seeds /= 10
	}
	for seed := range seeds {
		w := &walk{t: t, r: rand.New(rand.NewPCG(uint64(seed), 7)), book: book}
		w.now = paris(t, "2026-03-09 07:10").Add(time.Duration(w.r.IntN(7*24*60)) * time.Minute)
		w.trail = []string{fmt.Sprintf("seed %d", seed)}
		begin(w)
		c := book.Classify(w.signal[0], w.now)
		w.signal[0] = c.Signal
		w.inc = book.Begin(c, "7", 7, w.now)
		w.decide(incident.Fired{Signal: c.Signal})
		for range length {
			w.event()
			if w.r.IntN(2) == 0 {
				w.pass()
			}
			if after != nil {
				after(w)
			}
		}
	}
}

// covers: S1.6, S1.11, S1.13, S1.29, S1.32, T5; rule W, and that a decision is
// pure, idempotent and never a busy loop.
func TestRandomLivesOfBackups(t *testing.T) {
	for _, class := range []struct{ machine, class, role string }{
		{"SRV-AD", "server", "primary"}, {"SRV-AD", "server", "local"}, {"PC-LEA", "workstation", "primary"},
	} {
		t.Run(class.machine+" "+class.role, func(t *testing.T) {
			walks(t, "synomega", 40, 60, func(w *walk) {
				kinds := []string{"failed", "missed", "never_ran"}
				w.signal = nil
				for i, plan := range []string{"daily", "weekly"} {
					w.signal = append(w.signal, backupAlert("dupont", class.machine, class.class, class.role, plan, kinds[(i+w.r.IntN(3))%3], w.now))
				}
				w.acts = backupActs
			}, nil)
		})
	}
}

var platformActs = []incident.Act{
	{Verb: "take", By: "op"}, {Verb: "immediate", By: "op"}, {Verb: "qualify", By: "op", Fields: model.Labels{"severity": "minor"}},
	{Verb: "qualify", By: "op", Fields: model.Labels{"severity": "major"}}, {Verb: "qualify", By: "op", Fields: model.Labels{"severity": "blocking", "cause": "ext.hacking"}},
	{Verb: "workaround", By: "op", Fields: model.Labels{"text": "use the mirror"}}, {Verb: "cascade", By: "op", Fields: model.Labels{"reason": "code"}},
	{Verb: "restore", By: "op"}, {Verb: "restore_verified", By: "op"}, {Verb: "pause", By: "op"}, {Verb: "pause", By: "op", Fields: model.Labels{"until": "2026-03-20"}},
	{Verb: "resume", By: "op"}, {Verb: "note", By: "op", Fields: model.Labels{"note": "x"}},
	{Verb: "resolve", By: "op", Fields: model.Labels{"cause": "unknown", "note": "seen", "data_loss": "none"}},
	{Verb: "close", By: "op", Fields: model.Labels{"reason": "duplicate"}}, {Verb: "reopen", By: "op"}, {Verb: "rebase", By: "op"},
	{Verb: "merge", By: "op", Fields: model.Labels{"into": "8"}},
}

// covers: S2.19, S2.20, S2.21; every ended platform incident has exactly one M2
// an episode, and was either put right at once or has exactly one M3.
func TestRandomLivesOfPlatforms(t *testing.T) {
	for _, alert := range []string{"MoodleCronLate", "MoodleSlowPages", "DiskFull"} {
		t.Run(alert, func(t *testing.T) {
			walks(t, "activeprolearn", 60, 60, func(w *walk) {
				w.signal = []model.Signal{platformAlert("lms-A", alert, w.now)}
				w.acts = platformActs
			}, func(w *walk) {
				count := map[string]int{}
				for _, l := range w.sent {
					if l.Episode == w.inc.Episode && !l.withdrawn && !l.Solo {
						count[l.Template]++
					}
				}
				if count["M3"] > 1 || count["M2"] > 1 {
					w.fail("episode %d has %d M3 and %d M2", w.inc.Episode, count["M3"], count["M2"])
				}
				if !w.inc.State.Ended() {
					return
				}
				if count["M2"] != 1 {
					w.fail("the ended episode %d has %d M2", w.inc.Episode, count["M2"])
				}
				// The flag falls when the ten minutes are over.
				atOnce := w.inc.Flags[model.FlagImmediate] && !w.inc.ResolvedAt.After(w.inc.Raised["opening"].At.Add(10*time.Minute))
				if !atOnce && count["M3"] != 1 {
					w.fail("the ended episode %d was not put right at once (%v) and has %d M3", w.inc.Episode, w.inc.Flags, count["M3"])
				}
			})
		})
	}
}

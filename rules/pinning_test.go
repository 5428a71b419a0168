package rules_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// covers: S2.40, T11; an incident keeps the delays that it opened under, until
// somebody moves it.
func TestPinnedPolicy(t *testing.T) {
	old := exampleFiles(t, "activeprolearn/policy")
	var young []strict.File
	for _, f := range old {
		text := strings.ReplaceAll(string(f.Text), "effective_from: 2024-04-04", "effective_from: 2026-04-01T00:00:00+02:00")
		text = strings.Replace(text, "minor: 6 business_days", "minor: 5 business_days", 1)
		young = append(young, strict.File{Name: "april-" + f.Name, Text: []byte(text)})
	}
	book := loadBook(t, append(old, young...), exampleFiles(t, "activeprolearn/inventory"))
	if n := len(book.Policies()); n != 2 {
		t.Fatalf("%d policies", n)
	}
	march, april := paris(t, "2026-03-31 10:00"), paris(t, "2026-04-01 10:00")
	before := opened(t, book, platformAlert("lms-A", "MoodleSlowPages", march), march)
	after := opened(t, book, platformAlert("lms-B", "MoodleSlowPages", april), april)
	due := func(b *bench, want string) {
		t.Helper()
		if got := b.inc.Targets["resolve"].Due; !got.Equal(paris(t, want)) {
			t.Errorf("resolve is due at %s, want %s", got, want)
		}
	}
	due(before, "2026-04-09 10:00") // six days of work, Easter Monday off
	due(after, "2026-04-09 10:00")  // five
	before.do(incident.Tick{}, april.Add(time.Hour))
	due(before, "2026-04-09 10:00")
	if before.inc.Policy == after.inc.Policy {
		t.Error("both incidents are under one policy")
	}
	before.act("rebase", "op", april.Add(2*time.Hour))
	due(before, "2026-04-08 10:00")
	if before.inc.Policy != after.inc.Policy {
		t.Error("a rebased incident keeps its old policy")
	}
	if !strings.Contains(string(mustJSON(t, before.last.Journal)), "from policy") {
		t.Error("the move to another policy is not in the journal")
	}
	gone := incident.Incident{ID: "1", Policy: "nowhere", State: model.Open}
	if d := book.Decide(gone, incident.Tick{}, incident.Circumstances{}, april); d.Refusal == nil || d.Refusal.Status != 503 {
		t.Errorf("an incident of an unknown policy gives %+v", d.Refusal)
	}
}

// Whether a signal belongs to an incident whose policy is not loaded, nobody here can
// say: it leads there, where it is refused, and opens no incident of its own.
func TestSignalOfUnreadPolicy(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	now := paris(t, "2026-03-09 10:00")
	failed := platformAlert("lms-A", "MoodleSlowPages", now)
	ended := opened(t, book, failed, now).inc
	ended.State, ended.ResolvedAt, ended.Policy = model.Resolved, now.Add(time.Hour), "nowhere"
	ended.Alerts = map[string]*incident.Alert{}
	vague := opened(t, book, model.Signal{Kind: model.UserAssistance, Fingerprint: "report", StartsAt: now,
		Labels: model.Labels{model.LabelPlatform: "lms-A", model.LabelSignal: string(model.UserAssistance)}}, now).inc
	vague.Policy = "nowhere"
	for what, inc := range map[string]incident.Incident{"ended": ended, "that a person reported": vague} {
		c := book.Classify(failed, now.Add(2*time.Hour))
		if len(c.Scenario.Joins) == 0 && what != "ended" {
			t.Fatalf("%s joins nothing", c.Scenario.Name)
		}
		if n := book.Choose(c, []incident.Incident{inc}, now.Add(2*time.Hour)); n != 0 {
			t.Fatalf("beside an incident %s it is %d", what, n)
		}
		if d := book.Decide(inc, incident.Fired{Signal: c.Signal}, incident.Circumstances{}, now.Add(2*time.Hour)); d.Refusal == nil || d.Refusal.Status != 503 {
			t.Errorf("an incident %s takes it in: %+v", what, d.Refusal)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// covers: T10; dated closures are live, whatever policy an incident pins.
func TestClosuresAreLive(t *testing.T) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 07:10")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	if due := b.inc.Targets["same_day"].Due; !due.Equal(paris(t, "2026-03-09 18:00")) {
		t.Fatalf("due at %s", due)
	}
	dir := book.Directory.Clone()
	dir.Closures = map[string]map[calendar.Date][]calendar.Window{"*": {{Year: 2026, Month: 3, Day: 9}: nil}}
	closed, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b.book = closed
	b.do(incident.Refreshed{}, now.Add(time.Minute))
	if due := b.inc.Targets["same_day"].Due; !due.Equal(paris(t, "2026-03-10 18:00")) {
		t.Errorf("with Monday closed it is due at %s", due)
	}
}

// covers: S2.23 to S2.29, S2.40; the 18 whole-policy examples through the
// engine's own targets.
func TestPolicyExamples(t *testing.T) {
	path := "calendar/testdata/policy.json"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Incidents []struct {
			ID, Severity string
			Start        time.Time
			Events       []struct {
				At        time.Time
				Event, To string
			}
			Due map[string]*time.Time
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Incidents) != 18 {
		t.Fatalf("%d examples", len(doc.Incidents))
	}
	book := loadBook(t, []strict.File{{Name: "p.yml", Text: []byte(examplePolicy)}}, exampleFiles(t, "activeprolearn/inventory"))
	for _, sc := range doc.Incidents {
		t.Run(sc.ID, func(t *testing.T) {
			s := platformAlert("lms-A", "Slow", sc.Start)
			s.Labels[model.LabelSeverity] = sc.Severity
			b := opened(t, book, s, sc.Start)
			for _, e := range sc.Events {
				switch e.Event {
				case "acknowledged":
					b.act("take", "op", e.At)
				case "paused":
					b.act("pause", "op", e.At)
				case "resumed":
					b.act("resume", "op", e.At)
				case "resolved":
					b.act("resolve", "op", e.At, "note", "seen")
				case "reopened":
					b.act("reopen", "op", e.At)
				case "severity":
					b.act("qualify", "op", e.At, "severity", e.To)
				default:
					t.Fatalf("unknown event %q", e.Event)
				}
				if b.last.Refusal != nil {
					t.Fatalf("%s is refused: %+v", e.Event, b.last.Refusal)
				}
			}
			for target, want := range sc.Due {
				c := b.inc.Targets[target]
				switch {
				case c == nil:
					t.Errorf("%s does not run, want due %v", target, want)
				case want == nil:
					if !c.Paused || !c.Due.IsZero() {
						t.Errorf("%s is due at %s, want paused", target, c.Due)
					}
				case !c.Due.Equal(*want):
					t.Errorf("%s is due at %s, want %s", target, c.Due, want)
				}
			}
			for target, c := range b.inc.Targets {
				if _, wanted := sc.Due[target]; !wanted && c.Breached.IsZero() && c.MetAt.IsZero() {
					t.Errorf("%s runs and should not: due at %s", target, c.Due)
				}
			}
		})
	}
}

// examplePolicy is the table of the examples; an acknowledgement is not paused.
const examplePolicy = `schema: 1
effective_from: 2020-01-01
timezone: Europe/Paris
calendars:
  weekdays_9_19:
    weekly_windows: &w {monday: [["09:00","19:00"]], tuesday: [["09:00","19:00"]], wednesday: [["09:00","19:00"]], thursday: [["09:00","19:00"]], friday: [["09:00","19:00"]]}
    public_holidays: france
  weekdays_9_19_saturday_9_17:
    weekly_windows: {<<: *w, saturday: [["09:00","17:00"]]}
    public_holidays: france
roles:
  duty: {people: [op]}
scenarios:
  - name: platform
    match: ['platform!=""']
    identity: [platform]
    calendar: weekdays_9_19
    ended_by: cleared
    immediate: {alerts: [], within: 10m, calendar: weekdays_9_19}
    severity: {label: severity, order: [request, minor, major, blocking], default: minor}
    targets:
      acknowledge:
        pausable: false
        by_severity:
          request: 1 business_hours
          minor: 1 business_hours
          major: {within: 1 business_hours, calendar: weekdays_9_19_saturday_9_17}
          blocking: {within: 1 business_hours, calendar: weekdays_9_19_saturday_9_17}
        met_by: [taken]
      workaround:
        by_severity: {major: 2 business_hours, blocking: 2 business_hours}
        met_by: [workaround_proposed]
      resolve:
        by_severity: {minor: 6 business_days, major: 2 business_days, blocking: 2 business_hours}
        met_by: [ended]
  - name: rest
    match: []
    identity: [alertname]
    calendar: weekdays_9_19
`

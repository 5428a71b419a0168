package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/story"
)

// exampleFiles reads the files of a folder below deploy/examples.
func exampleFiles(t testing.TB, folder string) []strict.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "deploy", "examples", folder, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	slices.Sort(paths)
	var files []strict.File
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, strict.File{Name: filepath.Base(p), Text: text})
	}
	return files
}

// played is what happens in a story that is given as text.
func played(t testing.TB, book *rules.Book, name, text string, o story.Options) []story.Happening {
	t.Helper()
	tale, err := story.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	happened, err := story.Play(book, tale, o)
	if err != nil {
		t.Fatal(err)
	}
	return happened
}

// loadBook makes a book of policy and inventory files.
func loadBook(t testing.TB, policy, files []strict.File) *rules.Book {
	t.Helper()
	ps, err := rules.LoadPolicies(policy)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := inventory.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rules.NewBook(dir, ps...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exampleBook is one of the two shipped examples: synomega or activeprolearn.
func exampleBook(t testing.TB, name string) *rules.Book {
	t.Helper()
	return loadBook(t, exampleFiles(t, name+"/policy"), exampleFiles(t, name+"/inventory"))
}

// paris reads a wall clock time such as "2026-03-09 07:10" or with seconds.
func paris(t testing.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	layout := "2006-01-02 15:04"
	if strings.Count(text, ":") == 2 {
		layout += ":05"
	}
	at, err := time.ParseInLocation(layout, text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// backupAlert is an alert of a backup plan.
func backupAlert(customer, machine, class, role, plan, kind string, at time.Time) model.Signal {
	l := model.Labels{
		model.LabelAlertname: "Backup", model.LabelCustomer: customer, model.LabelMachine: machine, model.LabelMachineClass: class,
		model.LabelBackupRole: role, model.LabelEngine: "acronis", model.LabelSource: "acronis", model.LabelPlan: plan,
		model.LabelJobID: plan, model.LabelKind: kind,
	}
	return model.Signal{Kind: model.BackupAlert, Fingerprint: l.String(), Labels: l, StartsAt: at}
}

// platformAlert is an alert of a probe of a hosted platform.
func platformAlert(platform, alertname string, at time.Time) model.Signal {
	l := model.Labels{model.LabelAlertname: alertname, model.LabelPlatform: platform, model.LabelSignal: string(model.FunctionalProbe)}
	return model.Signal{Kind: model.FunctionalProbe, Fingerprint: l.String(), Labels: l, StartsAt: at}
}

// bench is one incident under test, with what came out of its decisions.
type bench struct {
	t      testing.TB
	book   *rules.Book
	inc    incident.Incident
	around incident.Circumstances
	last   incident.Decision
	notes  []incident.Notification
}

// opened classifies a signal and opens its incident.
func opened(t testing.TB, book *rules.Book, s model.Signal, now time.Time) *bench {
	t.Helper()
	c := book.Classify(s, now)
	if c.Refusal != nil {
		t.Fatalf("refused: %+v", c.Refusal)
	}
	b := &bench{t: t, book: book, inc: book.Begin(c, "7", 7, now)}
	b.do(incident.Fired{Signal: c.Signal}, now)
	return b
}

// do takes one event and keeps its outcome; a refusal changes nothing.
func (b *bench) do(ev incident.Event, now time.Time) incident.Decision {
	b.last = b.book.Decide(b.inc, ev, b.around, now)
	if b.last.Refusal == nil {
		b.inc = b.last.Incident
		b.notes = append(b.notes, b.last.Notifications...)
	}
	return b.last
}

func (b *bench) act(verb, by string, now time.Time, fields ...string) incident.Decision {
	f := model.Labels{}
	for i := 0; i+1 < len(fields); i += 2 {
		f[fields[i]] = fields[i+1]
	}
	return b.do(incident.Acted{Act: incident.Act{Verb: verb, By: by, Fields: f}}, now)
}

// answer tells what is known of every plan, and of the other backup.
func (b *bench) answer(now time.Time, plan incident.PlanEvidence, other model.EvidenceState) incident.Decision {
	a := incident.Answered{AskedAt: now, Plans: map[string]incident.PlanEvidence{}}
	for f := range b.inc.Alerts {
		a.Plans[f] = plan
	}
	if other != "" {
		a.Other = &incident.Evidence{State: other}
	}
	return b.do(a, now)
}

// clear ends every alert.
func (b *bench) clear(now time.Time) incident.Decision {
	var fs []string
	for f := range b.inc.Alerts {
		fs = append(fs, f)
	}
	return b.do(incident.Cleared{Fingerprints: fs, At: now, Trusted: true}, now)
}

// accept lets every recipient accept a notification.
func (b *bench) accept(n incident.Notification, now time.Time) incident.Decision {
	d := incident.Delivered{NotificationID: n.ID, MessageID: n.ID + "@vigie.example", Complete: true}
	for _, p := range append(slices.Clone(n.To), n.Cc...) {
		d.Accepted = append(d.Accepted, p.Address)
	}
	return b.do(d, now)
}

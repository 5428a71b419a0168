package rules_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// pageDown is a platform's page that is down, and the incident that it will open.
func pageDown(b *rules.Book, at time.Time) (model.Signal, incident.Incident) {
	s := model.Signal{Kind: model.FunctionalProbe, Fingerprint: "f", StartsAt: at,
		Labels: model.Labels{model.LabelAlertname: "MoodlePageDown", model.LabelPlatform: "lms-A", model.LabelSignal: "functional_probe", model.LabelSeverity: "blocking"}}
	i := incident.Incident{ID: "i1", Scenario: "platform", Policy: b.InForce(at).Hash, Identity: model.Labels{"alertname": "MoodlePageDown", "platform": "lms-A"}}
	i.MakeMaps()
	return s, i
}

// covers: S2.11, S2.29; what is exceeded for a cause of the customer's own is shown and
// no breach until the cause is another; each tolerance is counted once, and one of
// an ended incident is told.
func TestWhatIsMeasuredBreaches(t *testing.T) {
	b := exampleBook(t, "activeprolearn")
	at := paris(t, "2026-03-09 10:00")
	s, i := pageDown(b, at)
	decide := func(ev incident.Event, now string) incident.Decision {
		t.Helper()
		d := b.Decide(i, ev, incident.Circumstances{}, paris(t, now))
		if d.Refusal != nil {
			t.Fatal(d.Refusal.Error())
		}
		i = d.Incident
		return d
	}
	measured := func(down time.Duration, spent ...time.Time) incident.Measured {
		return incident.Measured{Platform: "lms-A", Spent: spent, Unavailability: incident.Unavailability{Month: "2026-03", Until: at.Add(down), Down: down, Worst: down, Tolerance: 10 * time.Minute, Per: "month"}}
	}
	decide(incident.Fired{Signal: s}, "2026-03-09 10:00")
	decide(incident.Acted{Act: incident.Act{Verb: "qualify", By: "op", Fields: model.Labels{"severity": "blocking", "cause": "ext.expired", "scope": "all"}}}, "2026-03-09 10:05")
	if d := decide(measured(12*time.Minute, at.Add(10*time.Minute)), "2026-03-09 10:12"); len(d.Breaches) != 0 {
		t.Errorf("the customer's own cause breaches: %+v", d.Breaches)
	}
	explained := func() explain.Explained {
		for _, x := range b.Explain(i, incident.Circumstances{}, paris(t, "2026-03-09 10:30")).Targets {
			if x.Name == "unavailability" {
				return x
			}
		}
		t.Fatal("the target is not explained")
		return explain.Explained{}
	}
	if x := explained(); x.Status == "breached" || !strings.Contains(x.Reason, "lms-A was down for 12m0s") || !strings.Contains(x.Reason, "ext.expired") {
		t.Errorf("explained as %+v", x)
	}
	d := decide(incident.Acted{Act: incident.Act{Verb: "qualify", By: "op", Fields: model.Labels{"severity": "blocking", "cause": "ext.network", "scope": "all"}}}, "2026-03-09 10:20")
	if len(d.Breaches) != 1 || !d.Breaches[0].Due.Equal(at.Add(10*time.Minute)) {
		t.Errorf("breaches: %+v", d.Breaches)
	}
	for range 2 { // told again it is counted once
		if d := decide(measured(13*time.Minute, at.Add(10*time.Minute)), "2026-03-09 10:21"); len(d.Breaches) != 0 {
			t.Errorf("counted twice: %+v", d.Breaches)
		}
	}
	if x := explained(); x.Status != "breached" {
		t.Errorf("explained as %+v", x)
	}
	decide(incident.Cleared{Fingerprints: []string{"f"}, At: paris(t, "2026-03-09 10:30"), Trusted: true}, "2026-03-09 10:30")
	if !i.State.Ended() {
		t.Fatalf("the incident is %s", i.State)
	}
	d = decide(measured(14*time.Minute, at.Add(25*time.Minute)), "2026-03-09 10:31")
	if len(d.Breaches) != 1 || len(d.Notifications) != 1 || d.Notifications[0].Step != "unavailable" {
		t.Errorf("after its end: breaches %+v, %d messages", d.Breaches, len(d.Notifications))
	}
	if d := decide(incident.Measured{Platform: "lms-B", Unavailability: incident.Unavailability{Month: "2026-03"}}, "2026-03-09 10:32"); len(d.Incident.Measured) != 1 {
		t.Error("another platform's figures are kept")
	}
}

// covers: S2.30; that no data was lost is said in many ways, and what was lost in any other.
func TestWhatWasLost(t *testing.T) {
	b := exampleBook(t, "activeprolearn")
	at := paris(t, "2026-03-09 10:00")
	s, i := pageDown(b, at)
	i = b.Decide(i, incident.Fired{Signal: s}, incident.Circumstances{}, at).Incident
	for said, none := range map[string]bool{
		"none": true, "Non": true, "0": true, "0,0 %": true, "0\u00a0%": true, "Aucune donnée perdue.": true, "no data was lost": true,
		"some 0.1 %": false, "0,1 %": false, "notes du 3 mars": false,
	} {
		act := incident.Act{Verb: "resolve", By: "op", Fields: model.Labels{"cause": "unknown", "note": "seen", "data_loss": said}}
		d := b.Decide(i, incident.Acted{Act: act}, incident.Circumstances{}, at.Add(time.Minute))
		if d.Refusal != nil || (d.Incident.DataLoss == "none") != none || (len(d.Breaches) == 0) != none {
			t.Errorf("%q: refused %v, lost %q, breaches %+v", said, d.Refusal, d.Incident.DataLoss, d.Breaches)
		}
	}
	i = b.Decide(i, incident.Acted{Act: incident.Act{Verb: "restore", By: "op", Fields: model.Labels{}}}, incident.Circumstances{}, at.Add(time.Minute)).Incident
	act := incident.Act{Verb: "resolve", By: "op", Fields: model.Labels{"cause": "unknown", "note": "seen", "data_loss": "Aucune idée"}}
	if d := b.Decide(i, incident.Acted{Act: act}, incident.Circumstances{}, at.Add(2*time.Minute)); d.Refusal == nil || d.Refusal.Status != 422 {
		t.Errorf("nobody knows, and it is %s", d.Incident.State)
	}
}

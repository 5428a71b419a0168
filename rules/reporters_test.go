package rules_test

import (
	"bytes"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// covers: S2.12, S2.24; who reports what is known already gets a receipt with his
// own words, as somebody from outside; an address that anybody typed into the
// emergency entry gets none.
func TestASecondReporterReadsHisOwnWords(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	at := paris(t, "2025-03-10 09:10")
	first := model.Signal{Kind: model.Level2Voluntary, By: "exploit", Text: "the first one's words", Fingerprint: "report:1",
		Labels: model.Labels{model.LabelPlatform: "lms-A"}, StartsAt: at, Annotations: map[string]string{}}
	b := opened(t, book, first, at)
	second := first
	second.Kind, second.Means, second.By, second.Unregistered, second.Text, second.Fingerprint = model.EmergencyMeans, "phone", "dean@lms-a.example", true, "the second one's words", "report:2"
	second.StartsAt = at.Add(20 * time.Minute)
	d := b.do(incident.Fired{Signal: second}, at.Add(30*time.Minute))
	if len(d.Notifications) != 2 {
		t.Fatalf("told: %+v", d.Notifications)
	}
	if n := d.Notifications[1]; n.Step != "report_told" || n.To[0].Person != "op" || n.Data.Report != "the second one's words" {
		t.Errorf("%s to %+v: %q", n.Step, n.To, n.Data.Report)
	}
	n := d.Notifications[0]
	if n.Step != "receipt_again" || len(n.To) != 1 || n.To[0].Address != "dean@lms-a.example" || !n.To[0].Outside ||
		n.Data.Report != "the second one's words" || !n.Data.ReceivedAt.Equal(second.StartsAt) {
		t.Errorf("%s to %+v: %q, received %s", n.Step, n.To, n.Data.Report, n.Data.ReceivedAt)
	}
	third := second
	third.Kind, third.Means, third.By, third.Fingerprint = model.Level3Emergency, "", "passer@by.example", "report:3"
	for _, n := range b.do(incident.Fired{Signal: third}, at.Add(40*time.Minute)).Notifications {
		if n.Step == "receipt_again" {
			t.Errorf("a stranger's address is written to: %+v", n.To)
		}
	}
}

// covers: S2.17; a stranger who reports what a probe had found is told of his own call, in a
// mail of his own and without his words; the platform's people read what the probe found.
func TestAStrangerReadsOfHisOwnCallAlone(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	at := paris(t, "2025-03-10 09:10")
	b := opened(t, book, model.Signal{Kind: model.FunctionalProbe, Fingerprint: "a", StartsAt: at, Annotations: map[string]string{},
		Labels: model.Labels{model.LabelAlertname: "MoodleCronLate", model.LabelPlatform: "lms-A", model.LabelSignal: string(model.FunctionalProbe)}}, at)
	called := at.Add(2 * time.Minute)
	b.do(incident.Fired{Signal: model.Signal{Kind: model.Level3Emergency, By: "passer@by.example", Unregistered: true, Text: "see http://elsewhere.example", Fingerprint: "report:1",
		Labels: model.Labels{model.LabelPlatform: "lms-A"}, StartsAt: called, Annotations: map[string]string{}}}, called)
	told := map[string]incident.Notification{}
	for _, n := range b.do(incident.Tick{}, at.Add(10*time.Minute)).Notifications {
		if n.Step == "receipt" && len(n.To) == 1 && len(n.Cc) == 0 {
			told[n.To[0].Address] = n
		}
	}
	theirs, his := told["exploit@lms-a.example"].Data, told["passer@by.example"].Data
	if theirs.Unverified || theirs.Report != "" || theirs.Entry != string(model.FunctionalProbe) || !theirs.ReceivedAt.Equal(at) {
		t.Errorf("the platform's people read %+v", theirs)
	}
	if his.Reporter != "passer@by.example" || his.Report != "" || his.Entry != string(model.Level3Emergency) || !his.ReceivedAt.Equal(called) {
		t.Errorf("the stranger reads %+v", his)
	}
}

// covers: S2.17; each of two strangers has a receipt that the store takes for one of its own,
// and without anybody else in To those in copy get theirs.
func TestEachStrangerHasHisReceipt(t *testing.T) {
	for name, change := range map[string][2]string{
		"with the platform's people": {"", ""},
		"with level 3 in copy":       {"        to: [managers, reporter]\n", "        to: [reporter]\n        cc: [level3]\n"},
	} {
		policy := exampleFiles(t, "activeprolearn/policy")
		for i, f := range policy {
			policy[i].Text = bytes.Replace(f.Text, []byte(change[0]), []byte(change[1]), 1)
		}
		at := paris(t, "2025-03-10 09:10")
		b := opened(t, loadBook(t, policy, exampleFiles(t, "activeprolearn/inventory")), model.Signal{Kind: model.FunctionalProbe, Fingerprint: "a", StartsAt: at, Annotations: map[string]string{},
			Labels: model.Labels{model.LabelAlertname: "MoodleCronLate", model.LabelPlatform: "lms-A", model.LabelSignal: string(model.FunctionalProbe)}}, at)
		for _, who := range []string{"passer@by.example", "other@by.example"} {
			b.do(incident.Fired{Signal: model.Signal{Kind: model.Level3Emergency, By: who, Unregistered: true, Text: "down", Fingerprint: "report:" + who,
				Labels: model.Labels{model.LabelPlatform: "lms-A"}, StartsAt: at.Add(time.Minute), Annotations: map[string]string{}}}, at.Add(time.Minute))
		}
		ids, told := map[string]bool{}, map[string]bool{}
		for _, n := range b.do(incident.Tick{}, at.Add(10*time.Minute)).Notifications {
			if n.Step == "receipt" && len(n.To) == 1 && len(n.Cc) == 0 {
				ids[n.ID], told[n.To[0].Address] = true, true
			}
		}
		if len(ids) != 3 || len(told) != 3 || !told["passer@by.example"] || !told["other@by.example"] {
			t.Errorf("%s: ids %v, told %v", name, ids, told)
		}
	}
}

// covers: S2.32; a request that becomes an incident days later was received when it came.
func TestAPromotedRequestWasReceivedWhenItCame(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	at := paris(t, "2026-12-31 18:30")
	b := opened(t, book, model.Signal{Kind: model.UserAssistance, By: "prof@lms-b.example", Unregistered: true, Text: "password", Fingerprint: "report:1",
		Labels: model.Labels{model.LabelPlatform: "lms-B"}, StartsAt: at, Annotations: map[string]string{}}, at)
	told := false
	for _, n := range b.act("promote", "op", paris(t, "2027-01-04 09:10"), "severity", "blocking").Notifications {
		told = told || n.Step == "receipt"
		if !n.Data.ReceivedAt.Equal(at) {
			t.Errorf("%s says that it was received %s", n.Step, n.Data.ReceivedAt)
		}
	}
	if !told {
		t.Error("no receipt leaves")
	}
}

package rules_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/model"
)

// The examples send the month before at 09:00 of its first service day, to those who read it.
func TestMonthlyOfTheExamples(t *testing.T) {
	for example, want := range map[string][]string{
		"synomega": {"statement / to vijay", "dossier dupont/ to am.dupont", "dossier leroy/ to am.leroy", "dossier martin/ to am.martin"},
		"activeprolearn": {"statement /lms-A to lead", "statement /lms-B to lead", "statement /lms-C to lead",
			"statement /lms-A to exploit", "statement /lms-B to exploit.lms-b", "statement /lms-C to exploit.lms-c"},
	} {
		book := loadBook(t, exampleFiles(t, example+"/policy"), exampleFiles(t, example+"/inventory"))
		at := time.Date(2026, 6, 1, 9, 0, 0, 0, book.InForce(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)).Zone)
		if _, is := book.Monthly(at.Add(-time.Second)); is {
			t.Errorf("%s: something is due before the hour", example)
		}
		due, is := book.Monthly(at)
		if !is || due.Month.Name != "2026-05" || !due.Due.Equal(at) {
			t.Fatalf("%s: %t, %s at %s", example, is, due.Month.Name, due.Due)
		}
		var got []string
		for _, m := range due.Mails {
			for _, to := range m.To {
				got = append(got, m.Report+" "+m.Scope.Customer+"/"+m.Scope.Platform+" to "+to.Person)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s sends %q, want %q", example, got, want)
		}
	}
}

// Of a month before its first day, or after its last, a platform has no report, and what
// fails before opens no incident.
func TestMonthlyOfANewPlatform(t *testing.T) {
	for dates, want := range map[string]bool{
		"": true, "commissioned: 2026-05-31": true, "commissioned: 2026-06-01": false, "decommissioned: 2026-05-01": true, "decommissioned: 2026-04-30": false,
	} {
		files := exampleFiles(t, "activeprolearn/inventory")
		for i, f := range files {
			files[i].Text = bytes.Replace(f.Text, []byte("  lms-A:\n"), []byte("  lms-A:\n    "+dates+"\n"), 1)
		}
		book := loadBook(t, exampleFiles(t, "activeprolearn/policy"), files)
		at := time.Date(2026, 6, 1, 9, 0, 0, 0, book.InForce(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)).Zone)
		due, _ := book.Monthly(at)
		if got := slices.ContainsFunc(due.Mails, func(m rules.MonthlyMail) bool { return m.Scope.Platform == "lms-A" }); got != want {
			t.Errorf("%q: a report of May: %t", dates, got)
		}
		fired := model.Signal{Kind: model.FunctionalProbe, Labels: model.Labels{"alertname": "MoodleLoginDown", "platform": "lms-A"}, StartsAt: at.AddDate(0, 0, -40)}
		if c := book.Classify(fired, at.AddDate(0, 0, -20)); (c.Ignored == "") != (want && dates != "commissioned: 2026-05-31" && dates != "decommissioned: 2026-05-01") {
			t.Errorf("%q: what fails on 12 May: %q", dates, c.Ignored)
		}
	}
}

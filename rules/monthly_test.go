package rules_test

import (
	"slices"
	"testing"
	"time"
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

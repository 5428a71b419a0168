package rules_test

import (
	"testing"
	"time"

	"vigie/rules/incident"
)

// covers: P12, T11; the overview of the examples: which days, which hour, for whom.
func TestBriefing(t *testing.T) {
	for _, tt := range []struct{ example, now, date, to string }{
		{"synomega", "2026-03-09 08:59", "", ""},
		{"synomega", "2026-03-09 09:00", "2026-03-09", "sup@msp.example"},
		{"synomega", "2026-03-09 23:59", "2026-03-09", "sup@msp.example"},
		{"synomega", "2026-03-10 00:00", "", ""},
		{"synomega", "2026-03-07 12:00", "", ""}, // a Saturday
		{"synomega", "2026-04-06 12:00", "", ""}, // Easter Monday
		{"activeprolearn", "2026-03-09 09:00", "2026-03-09", "op@apl.example"},
	} {
		t.Run(tt.example+" "+tt.now, func(t *testing.T) {
			b, due := exampleBook(t, tt.example).Briefing(paris(t, tt.now))
			if due != (tt.date != "") || b.Date != tt.date {
				t.Fatalf("due %t on %q, want %q", due, b.Date, tt.date)
			}
			if due && (len(b.To) != 1 || b.To[0].Address != tt.to || b.Due.Format("15:04") != "09:00") {
				t.Errorf("for %+v at %s", b.To, b.Due)
			}
		})
	}
}

// covers: T6; what a silence of the digest is remarked for.
func TestSilenceRemarks(t *testing.T) {
	for matcher, broad := range map[string]bool{
		`machine="SRV-AD"`: false, `platform="lms-A"`: false, `job_id="1"`: false, `source="veeam-dupont"`: false,
		`machine=~"SRV-AD|NAS-01"`: true, `machine!="SRV-AD"`: true, `customer="dupont"`: true, `alertname="BackupFailed"`: true,
	} {
		if got := (incident.Silence{Matchers: []string{matcher}}).Broad(); got != broad {
			t.Errorf("%s is broad: %t", matcher, got)
		}
	}
	day := incident.Silence{EndsAt: time.Time{}.Add(incident.TooLong)}
	if day.Long() {
		t.Error("a day is too long")
	}
	if day.EndsAt = day.EndsAt.Add(time.Second); !day.Long() {
		t.Error("a second more than a day is not")
	}
}

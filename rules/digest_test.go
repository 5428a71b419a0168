package rules_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules"
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
		if got := (rules.Silence{Matchers: []string{matcher}}).Broad(); got != broad {
			t.Errorf("%s is broad: %t", matcher, got)
		}
	}
	day := rules.Silence{EndsAt: time.Time{}.Add(rules.TooLong)}
	if day.Long() {
		t.Error("a day is too long")
	}
	if day.EndsAt = day.EndsAt.Add(time.Second); !day.Long() {
		t.Error("a second more than a day is not")
	}
}

// covers: T6; a silence makes an owner of its author only when it names exactly
// this machine: not a machine of that name at another customer.
func TestSilenceOfANamesake(t *testing.T) {
	for matchers, owner := range map[string]string{
		`machine="SRV-AD"`: "", `machine="SRV-AD",customer="dupont"`: "adm1", `machine=~"SRV-AD",customer="dupont"`: "",
	} {
		book := exampleBook(t, "synomega")
		dir := book.Directory.Clone()
		dir.Machines = append(dir.Machines, &rules.Machine{Customer: "martin", Name: "srv-ad", Class: "server"})
		dir.Reindex()
		book, err := rules.NewBook(dir, book.Policies()...)
		if err != nil {
			t.Fatal(err)
		}
		now := paris(t, "2026-03-09 07:10")
		b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.do(rules.Silenced{Active: []rules.Silence{{ID: "s1", By: "adm1", Matchers: strings.Split(matchers, ","), StartsAt: now, EndsAt: now.Add(time.Hour)}}}, now.Add(time.Minute))
		if b.inc.Assignee != owner {
			t.Errorf("%s: the owner is %q, want %q", matchers, b.inc.Assignee, owner)
		}
	}
}

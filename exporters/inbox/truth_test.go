package inbox

import (
	"testing"
	"time"
)

// The nights on which the clocks change: an hour that comes twice, and one that
// never comes.
func TestClockChanges(t *testing.T) {
	for zone, cases := range map[string]map[string]string{
		"Europe/Paris": {"25/10/2026 02:30": "2026-10-25T00:30:00Z", "25/10/2026 03:00": "2026-10-25T02:00:00Z", "25/10/2026 01:59": "2026-10-24T23:59:00Z",
			"29/03/2026 03:30": "2026-03-29T01:30:00Z"},
		"America/New_York":    {"01/11/2026 01:30": "2026-11-01T05:30:00Z", "01/11/2026 02:00": "2026-11-01T07:00:00Z"},
		"Australia/Lord_Howe": {"05/04/2026 01:45": "2026-04-04T14:45:00Z"},
		"UTC":                 {"25/10/2026 02:30": "2026-10-25T02:30:00Z"},
	} {
		loc, err := time.LoadLocation(zone)
		check(t, err)
		clock := times{layouts: []string{"02/01/2006 15:04"}, zone: loc}
		for text, want := range cases {
			if got, ok := clock.parse(text); !ok || got.UTC().Format(time.RFC3339) != want {
				t.Errorf("%s in %s is %v, want %s", text, zone, got.UTC(), want)
			}
		}
	}
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	// What never was is within an hour of what was meant.
	if got, ok := (times{layouts: []string{"02/01/2006 15:04"}, zone: paris}).parse("29/03/2026 02:30"); !ok || got.Sub(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)).Abs() > time.Hour {
		t.Errorf("%v", got)
	}
	if got, ok := (times{layouts: []string{"02/01/2006 15:04 -0700"}, zone: paris}).parse("25/10/2026 02:30 +0100"); !ok || got.UTC().Hour() != 1 {
		t.Errorf("an offset says which: %v", got)
	}
}

// A run over the hour that comes twice ends by the clock before it began, and not a day
// later: a success of tomorrow would hide tomorrow's failure.
func TestRunOverTheHourThatComesTwice(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	for _, c := range []struct{ sent, day, rows, began, ended string }{
		{"02:20:00 +0100", "dimanche 25 octobre 2026 02:25:00", "02:30:00 02:10:00", "00:30", "25T01:10"},
		{"02:20:00 +0100", "", "02:30:00 02:10:00", "00:30", "25T01:10"},
		{"03:20:00 +0100", "samedi 24 octobre 2026 23:00:00", "23:30:00 02:10:00", "21:30", "25T00:10"},
		{"03:20:00 +0100", "dimanche 25 octobre 2026 02:25:00", "02:30:00 02:50:00", "00:30", "25T00:50"},
		// A clock that is wrong: the mail's own date is taken.
		{"05:00:00 +0100", "dimanche 25 octobre 2026 04:30:00", "04:40:00 04:10:00", "", "25T04:00"},
	} {
		m := read(t, "From: a@b.example\nDate: Sun, 25 Oct 2026 "+c.sent+"\n"+veeamReport("[Success] Nightly (1 VMs)", c.day, true, "SRV-AD Success "+c.rows))
		v := rs.Read(&m, m.Date)
		if len(v.Readings) == 0 {
			t.Errorf("%+v: %+v", c, v)
			continue
		}
		r := v.Readings[0].Report
		began := ""
		if !r.Started.IsZero() {
			began = r.Started.UTC().Format("15:04")
		}
		if ended := r.Ended.UTC().Format("02T15:04"); ended != c.ended || c.began != "" && began != c.began {
			t.Errorf("%+v: from %s to %s", c, began, ended)
		}
	}
}

// A clock that begins again in the past, as those without a battery do, hides no failure
// behind the successes before it; a success of then is none of today.
func TestClockThatLostItsTime(t *testing.T) {
	rs, err := LoadRules(append(shippedRules(t), moreRules(t)...))
	check(t, err)
	arrived := time.Date(2026, 3, 10, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct{ date, body, want string }{
		{"Sat, 01 Jan 2000 03:00:00 +0100", "has failed.", "failed 2026-03-10T02:00"},
		{"Sat, 01 Jan 2000 03:00:00 +0100", "was odd.", ""},
		{"Sat, 01 Jan 2000 03:00:00 +0100", "has been completed.", "success 2000-01-01T02:00"},
		{"Fri, 27 Feb 2026 03:00:00 +0100", "has failed.", "failed 2026-02-27T02:00"},
	} {
		m := read(t, "From: a@b.example\nDate: "+c.date+"\nSubject: [NAS-07] Hyper Backup: report\n\nYour backup task Photos "+c.body+"\n")
		got := ""
		for _, r := range rs.Read(&m, arrived).Readings {
			got = r.Report.Result + " " + r.Report.Ended.UTC().Format("2006-01-02T15:04")
		}
		if got != c.want {
			t.Errorf("%s %s: %s", c.date, c.body, got)
		}
	}
	// What tells a state may tell of an old one.
	m := read(t, "From: a@b.example\nDate: Tue, 10 Mar 2026 03:00:00 +0100\nSubject: Windows Server Backup on SRV-07\n\nLastBackupTime : 2/17/2024 9:00:11 PM\nLastBackupResultHR : -2139618549\n")
	if v := rs.Read(&m, arrived); len(v.Readings) != 1 || v.Readings[0].Report.Ended.Year() != 2024 {
		t.Errorf("%+v", v)
	}
}

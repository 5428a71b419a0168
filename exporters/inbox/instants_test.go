package inbox

import (
	"testing"
	"time"
)

// The forms in which the world writes an instant; those of Windows are the
// short and long dates of its regional settings.
func TestUsualInstants(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	sent := time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC)
	const want = "2026-02-17T20:05:11Z"
	for text, want := range map[string]string{
		"2/17/2026 9:05:11 PM": want, "17/02/2026 21:05:11": want, "17.02.2026 21:05:11": want, "17-02-2026 21:05:11": want,
		"2026/02/17 21:05:11": want, "2026-02-17 9:05:11 PM": want, "2026-02-17T21:05:11.1234567+01:00": want, "2026-02-17T20:05:11Z": want,
		"17/02/2026 21.05.11": want, "17.2.2026. 21:05:11": want, "mardi 17 février 2026 21:05:11": want, "Dienstag, 17. Februar 2026 21:05:11": want,
		"Tuesday, February 17, 2026 9:05:11 PM": want, "17 de febrero de 2026 21:05:11": want, "Tue, 17 Feb 2026 20:05:11 GMT": want,
		"Tue, 17 Feb 2026 21:05:11 +0100": want, "17-Feb-2026 21:05:11": want, "17 febbraio 2026, 21:05:11": want, "February 17th 2026 at 9:05:11 p.m.": want,
		"17/2/2026 9:05:11 p. m.": want, "Tue Feb 17 21:05:11 2026": want, "Tue Feb 17 21:05:11 CET 2026": want, "Feb 17 21:05:11 2026": want, "mar. févr. 17 21:05:11 2026": want,
		"2026-02-17 15:05:11 EST": want, "Tue Feb 17 12:05:11 PST 2026": want, "17/02/2026 21:05:11 CEST": want, "17/02/2026 22:05:11 EET": want, "17/02/2026 17:05:11 BRT": "",
		"17 FEB 2026 21:05:11": want, "17 FEB 2026": "2026-02-16T23:00:00Z", "2026-02-17_21-05-11": want, "2026-02-17-21-05-11": want, "20260217T210511": want, "17-Feb-26 21:05:11": want, "17 février 2026 à 21 h 05": "2026-02-17T20:05:00Z", "17.02.2026, 21:05 Uhr": "2026-02-17T20:05:00Z",
		"17/02/2026 à 21h05": "2026-02-17T20:05:00Z", "17/02/26 21:05": "2026-02-17T20:05:00Z", "20/2/2026": "2026-02-19T23:00:00Z",
		"2/30/2026 9:00:00 PM": "", "2026-02-17 25:00": "", "2026-02-17 13:00 PM": "", "yesterday": "", "": "", "17": "",
		// The words of an hour or of the zone, as against those of half a day.
		"17-02-2026 21:05:11 uur": want, "mardi 17 février 2026 21:05:11 (heure de Paris)": want, "17.02.2026 21:05:11 Romance Standard Time": want, "2026-02-17 21:05:11 Europe/Paris": want,
		"17.02.2026 21:05:11 (MEZ)": want, "17 février 2026 21:05:11 heure normale d’Europe centrale": want, "17/2/2026 9:05:11 de la tarde": "", "17/2/2026 9:05:11 Eastern Standard Time": "",
		// Which half of the day, in words that are not known.
		"17/2/2026 9:05:11 μμ": "", "2026-02-17 오후 9:05:11": "", "2026/2/17 下午 9:05:11": "", "17/2/2026 9:05:11 em": "", "17/2/2026 9:05:11 da tarde": "",
		"17/2/2026 20:05:11 (UTC)": "", "17.2.2026 г. 21:05:11": want, "17.02.2026 21:05:11 Dienstag": want, "17/02/2026 21:05:11 (heure locale)": want, "2026-02-17 9:05:11 PM local time": want,
	} {
		got := ""
		if at, ok := usual(text, paris, anyOrder, sent); ok {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if _, ok := usual("17/02/2026 21:05", nil, anyOrder, sent); ok {
		t.Error("without a zone nobody knows when")
	}
}

// One date whose numbers go one way only tells it for all.
func TestOrderOfDates(t *testing.T) {
	sent := time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC)
	for text, want := range map[string]order{
		"3/2/2026": anyOrder, "3/2/2026 and 2/13/2026": monthFirst, "3/2/2026 and 13/2/2026": dayFirst,
		"2/3/2026, next 10/03/2026": dayFirst, "2/3/2026, next 03/10/2026": monthFirst, // not in October
		"13/2/2026 and 2/13/2026": anyOrder, "2026/3/2": anyOrder, "1/1/0001": anyOrder,
	} {
		if got := orderIn(text, sent); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A machine whose clock is ahead proves no success of tomorrow.
func TestMailFromTheFuture(t *testing.T) {
	received := time.Date(2026, 3, 10, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct{ date, want time.Time }{
		{time.Time{}, received}, {received.AddDate(1, 0, 0), received}, {received.Add(3 * time.Hour), received.Add(3 * time.Hour)}, {received.AddDate(-1, 0, 0), received.AddDate(-1, 0, 0)},
	} {
		m := Mail{Date: c.date}
		if got := m.sent(received); !got.Equal(c.want) {
			t.Errorf("%v: %v, want %v", c.date, got, c.want)
		}
	}
}

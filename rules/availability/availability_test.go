package availability_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	. "vigie/rules/availability"
	"vigie/rules/calendar"
)

func windows(t testing.TB, days string, opens, closes string) map[string][][2]string {
	t.Helper()
	out := map[string][][2]string{}
	names := map[byte]string{'1': "monday", '2': "tuesday", '3': "wednesday", '4': "thursday", '5': "friday", '6': "saturday", '7': "sunday"}
	for _, d := range []byte(days) {
		out[names[d]] = [][2]string{{opens, closes}}
	}
	return out
}

func terms(t testing.TB, days, opens, closes string, per Per) Terms {
	t.Helper()
	c, err := calendar.New(calendar.Definition{Timezone: "Europe/Paris", WeeklyWindows: windows(t, days, opens, closes), PublicHolidays: "france"})
	if err != nil {
		t.Fatal(err)
	}
	return Terms{Calendar: c, Tolerance: 10 * time.Minute, Per: per}
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone)
	if err != nil {
		v, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// every is a probe's samples, one each step, up but for the spans.
func every(step time.Duration, from, until time.Time, down ...Span) []Sample {
	var out []Sample
	for x := from; x.Before(until); x = x.Add(step) {
		out = append(out, Sample{x, !slices.ContainsFunc(down, func(s Span) bool { return !x.Before(s.From) && x.Before(s.Until) })})
	}
	return out
}

// covers: S2.29
//
// The cases of the service level, and the edges: of a window, a holiday, both clock
// changes, a month.
func TestOutagesOfGuaranteedHours(t *testing.T) {
	span := func(a, b string) Span { return Span{at(t, a), at(t, b)} }
	for name, c := range map[string]struct {
		per       Per
		night     bool // every hour of every day is guaranteed
		down      []Span
		want      time.Duration
		worst     time.Duration
		outages   int
		spent     []string
		announced []Span
	}{
		"nine minutes and a half":              {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:09:30")}, want: 570 * time.Second, worst: 570 * time.Second, outages: 1},
		"exactly ten minutes":                  {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:10:00")}, want: 10 * time.Minute, worst: 10 * time.Minute, outages: 1},
		"ten minutes and a half":               {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:10:30")}, want: 630 * time.Second, worst: 630 * time.Second, outages: 1, spent: []string{"2025-03-10 10:10:00"}},
		"over the closing":                     {down: []Span{span("2025-03-10 18:55:00", "2025-03-10 19:30:00")}, want: 5 * time.Minute, worst: 5 * time.Minute, outages: 1},
		"over the night":                       {down: []Span{span("2025-03-10 18:55:00", "2025-03-11 09:06:00")}, want: 11 * time.Minute, worst: 11 * time.Minute, outages: 1, spent: []string{"2025-03-11 09:05:00"}},
		"over the night, one outage":           {per: PerOutage, down: []Span{span("2025-03-10 18:55:00", "2025-03-11 09:06:00")}, want: 11 * time.Minute, worst: 11 * time.Minute, outages: 1, spent: []string{"2025-03-11 09:05:00"}},
		"over the night, two days":             {per: PerDay, down: []Span{span("2025-03-10 18:55:00", "2025-03-11 09:06:00")}, want: 11 * time.Minute, worst: 6 * time.Minute, outages: 1},
		"a Saturday":                           {down: []Span{span("2025-03-15 10:00:00", "2025-03-15 11:00:00")}},
		"a holiday":                            {down: []Span{span("2025-04-21 10:00:00", "2025-04-21 11:00:00")}},
		"short ones add up in a month":         {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:06:00"), span("2025-03-20 10:00:00", "2025-03-20 10:06:00")}, want: 12 * time.Minute, worst: 12 * time.Minute, outages: 2, spent: []string{"2025-03-20 10:04:00"}},
		"short ones, each by itself":           {per: PerOutage, down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:06:00"), span("2025-03-20 10:00:00", "2025-03-20 10:06:00")}, want: 12 * time.Minute, worst: 6 * time.Minute, outages: 2},
		"short ones of two days":               {per: PerDay, down: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:06:00"), span("2025-03-20 10:00:00", "2025-03-20 10:06:00")}, want: 12 * time.Minute, worst: 6 * time.Minute, outages: 2},
		"two months, each with its own ten":    {down: []Span{span("2025-03-31 18:52:00", "2025-04-01 09:08:00")}, want: 16 * time.Minute, worst: 8 * time.Minute, outages: 1},
		"the hour that is skipped":             {night: true, down: []Span{span("2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00")}, want: time.Hour, worst: time.Hour, outages: 1, spent: []string{"2025-03-30T01:40:00+01:00"}},
		"the hour that is doubled":             {night: true, down: []Span{span("2025-10-26T01:30:00+02:00", "2025-10-26T03:30:00+01:00")}, want: 3 * time.Hour, worst: 3 * time.Hour, outages: 1, spent: []string{"2025-10-26T01:40:00+02:00"}},
		"announced work":                       {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 11:00:00")}, announced: []Span{span("2025-03-10 10:05:00", "2025-03-10 12:00:00")}, want: 5 * time.Minute, worst: 5 * time.Minute, outages: 1},
		"announced work does not end it":       {down: []Span{span("2025-03-10 09:55:00", "2025-03-10 11:06:00")}, announced: []Span{span("2025-03-10 10:00:00", "2025-03-10 11:00:00")}, per: PerOutage, want: 11 * time.Minute, worst: 11 * time.Minute, outages: 1, spent: []string{"2025-03-10 11:05:00"}},
		"announced twice over counts but once": {down: []Span{span("2025-03-10 10:00:00", "2025-03-10 11:00:00")}, announced: []Span{span("2025-03-10 10:00:00", "2025-03-10 10:40:00"), span("2025-03-10 10:20:00", "2025-03-10 10:55:00")}, want: 5 * time.Minute, worst: 5 * time.Minute, outages: 1},
	} {
		t.Run(name, func(t *testing.T) {
			days, opens, closes := "12345", "09:00", "19:00"
			if c.night {
				days, opens, closes = "1234567", "00:00", "24:00"
			}
			if c.per == "" {
				c.per = PerMonth
			}
			terms := terms(t, days, opens, closes, c.per)
			from, until := at(t, "2025-03-01 00:00:00"), at(t, "2025-05-01 00:00:00")
			if c.night {
				from, until = c.down[0].From.Add(-12*time.Hour), c.down[0].From.Add(24*time.Hour)
			}
			known := Watch([][]Sample{every(30*time.Second, from, until, c.down...)}, time.Minute, from, until)
			f := terms.Measure(known, c.announced, from, until)
			if f.Down != c.want || f.Worst != c.worst || f.Outages != c.outages || f.Unknown != 0 {
				t.Errorf("down %s, worst %s, %d outages, unknown %s; want %s, %s, %d, 0s", f.Down, f.Worst, f.Outages, f.Unknown, c.want, c.worst, c.outages)
			}
			if sum := f.Up + f.Down + f.Unknown + f.Announced; sum != terms.Calendar.OpenTime(from, until, nil) {
				t.Errorf("the parts add up to %s", sum)
			}
			if len(f.Spent) != len(c.spent) {
				t.Fatalf("spent at %v; want %v", f.Spent, c.spent)
			}
			for i, want := range c.spent {
				if !f.Spent[i].Equal(at(t, want)) {
					t.Errorf("spent at %s; want %s", f.Spent[i], want)
				}
			}
		})
	}
}

// What nobody looked at is neither up nor down: before the first sample, after
// the last one, in a gap, and where one probe of two says nothing.
func TestWhatWasNotMeasuredIsUnknown(t *testing.T) {
	terms := terms(t, "12345", "09:00", "19:00", PerMonth)
	from, until := at(t, "2025-03-10 09:00:00"), at(t, "2025-03-10 12:00:00")
	host := every(30*time.Second, from, until)
	gap := slices.DeleteFunc(every(30*time.Second, at(t, "2025-03-10 09:10:00"), at(t, "2025-03-10 11:00:00"), Span{at(t, "2025-03-10 09:57:00"), at(t, "2025-03-10 10:30:00")}),
		func(s Sample) bool {
			return s.At.After(at(t, "2025-03-10 10:00:00")) && s.At.Before(at(t, "2025-03-10 10:20:00"))
		})
	f := terms.Measure(Watch([][]Sample{host, gap}, 2*time.Minute, from, until), nil, from, until)
	// Down from 9:57 until the last word is two minutes old, and from 10:20 until 10:30.
	if want := 15 * time.Minute; f.Down != want {
		t.Errorf("down for %s; want %s", f.Down, want)
	}
	if want := 10*time.Minute + 18*time.Minute + 58*time.Minute + 30*time.Second; f.Unknown != want {
		t.Errorf("unknown for %s; want %s", f.Unknown, want)
	}
	if f.Outages != 1 {
		t.Errorf("%d outages; what nobody saw ends none", f.Outages)
	}
	quiet := func(minutes int) bool { // nobody looked for so long
		end := at(t, "2025-03-10 10:00:00").Add(time.Duration(minutes) * time.Minute)
		return terms.MayExceed([]Stretch{{From: from, Until: at(t, "2025-03-10 10:00:00"), State: Up}, {From: end, Until: until, State: Up}}, nil, from, until)
	}
	if quiet(10) || !quiet(11) || terms.MayExceed([]Stretch{{From: from, Until: until, State: Up}}, nil, from, until) {
		t.Errorf("of 10 minutes that are tolerated ten unseen may exceed: %t, eleven: %t", quiet(10), quiet(11))
	}
	for name, probes := range map[string][][]Sample{"no probe": nil, "a probe without a word": {host, nil}} {
		if f := terms.Measure(Watch(probes, time.Minute, from, until), nil, from, until); f.Up+f.Down != 0 || f.Unknown != 3*time.Hour {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestMonthsOfTheZone(t *testing.T) {
	terms := terms(t, "12345", "09:00", "19:00", PerMonth)
	for _, c := range [][4]string{
		{"2025-12-31T23:30:00Z", "2026-01", "2025-12-31T23:00:00Z", "2026-01-31T23:00:00Z"},
		{"2025-03-15T12:00:00Z", "2025-03", "2025-02-28T23:00:00Z", "2025-03-31T22:00:00Z"},
		{"2025-12-01T00:00:00Z", "2025-12", "2025-11-30T23:00:00Z", "2025-12-31T23:00:00Z"},
	} {
		from, until := terms.Month(at(t, c[0]))
		if terms.Name(at(t, c[0])) != c[1] || !from.Equal(at(t, c[2])) || !until.Equal(at(t, c[3])) {
			t.Errorf("%s: %s from %s until %s; want %v", c[0], terms.Name(at(t, c[0])), from, until, c[1:])
		}
	}
}

// Newer answers stand where both speak.
func TestNewerAnswersStand(t *testing.T) {
	a, b, c := at(t, "2025-03-10 10:00:00"), at(t, "2025-03-10 11:00:00"), at(t, "2025-03-10 12:00:00")
	got := Follow([]Stretch{{a, c, Up}}, []Stretch{{b, c, Unknown}, {c, c.Add(time.Hour), Up}})
	want := []Stretch{{a, b, Up}, {b, c, Unknown}, {c, c.Add(time.Hour), Up}}
	if !slices.Equal(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

// Second by second, without stretches or cuts, comes to the same figures.
func TestAsCountedSecondBySecond(t *testing.T) {
	r := rand.New(rand.NewPCG(29, 10))
	starts := []string{"2025-03-29 20:00:00", "2025-10-25 20:00:00", "2025-04-30 20:00:00", "2025-02-28 08:00:00", "2025-12-31 15:00:00"}
	for range 12 {
		terms := terms(t, "1234567", "02:00", "19:00", Pers()[r.IntN(3)])
		terms.Tolerance = time.Duration(r.IntN(3600)) * time.Second
		lasts := time.Duration(30+r.IntN(300)) * time.Second
		from := at(t, starts[r.IntN(len(starts))])
		until := from.Add(time.Duration(12+r.IntN(30)) * time.Hour)
		probes := make([][]Sample, 1+r.IntN(3))
		for i := range probes {
			for x := from.Add(-time.Hour); x.Before(until.Add(time.Hour)); x = x.Add(time.Duration(1+r.IntN(600)) * time.Second) {
				probes[i] = append(probes[i], Sample{x, r.IntN(4) > 0})
			}
		}
		begin := from.Add(time.Duration(r.IntN(7200)) * time.Second)
		announced := []Span{{begin, begin.Add(time.Duration(r.IntN(7200)) * time.Second)}}
		known := Watch(probes, lasts, from, until)
		got := terms.Measure(known, announced, from, until)
		want := bySecond(terms, probes, lasts, announced[0], from, until)
		if got.Up != want.Up || got.Down != want.Down || got.Unknown != want.Unknown || got.Announced != want.Announced || got.Worst != want.Worst || len(got.Spent) != len(want.Spent) {
			t.Fatalf("%s from %s: %+v\nwant %+v", terms.Per, from, got, want)
		}
		for i := range want.Spent {
			if !got.Spent[i].Equal(want.Spent[i]) {
				t.Errorf("spent at %s; want %s", got.Spent[i], want.Spent[i])
			}
		}
	}
}

// bySecond is the meaning of the figures, as plainly as it can be written.
func bySecond(terms Terms, probes [][]Sample, lasts time.Duration, announced Span, from, until time.Time) Figures {
	var f Figures
	sums, told := map[string]time.Duration{}, map[string]bool{}
	outage := 0
	down := false
	next := make([]int, len(probes))
	for x := from; x.Before(until); x = x.Add(time.Second) {
		state := Up
		for i, samples := range probes {
			for next[i] < len(samples) && !samples[next[i]].At.After(x) {
				next[i]++
			}
			switch last := next[i] - 1; {
			case last < 0 || !x.Before(samples[last].At.Add(lasts)):
				if state == Up {
					state = Unknown
				}
			case !samples[last].Up:
				state = Down
			}
		}
		if state == Up {
			down = false
		}
		switch {
		case !terms.Calendar.IsOpen(x):
		case !x.Before(announced.From) && x.Before(announced.Until):
			f.Announced += time.Second
		case state == Up:
			f.Up += time.Second
		case state == Unknown:
			f.Unknown += time.Second
		default:
			if !down {
				down = true
				outage++
			}
			f.Down += time.Second
			key := map[Per]string{PerMonth: x.Format("2006-01"), PerDay: x.Format("2006-01-02"), PerOutage: time.Duration(outage).String()}[terms.Per]
			if sums[key] == terms.Tolerance && !told[key] {
				told[key] = true
				f.Spent = append(f.Spent, x)
			}
			sums[key] += time.Second
			f.Worst = max(f.Worst, sums[key])
		}
	}
	return f
}

// Whatever the samples, the parts add up to the guaranteed hours.
func FuzzPartsAddUp(f *testing.F) {
	f.Add([]byte{1, 60, 0, 30, 1, 255}, int64(1743200000), uint8(5))
	terms := terms(f, "123456", "00:00", "24:00", PerDay)
	f.Fuzz(func(t *testing.T, said []byte, start int64, hours uint8) {
		from := time.Unix(start%4e9, 0)
		until := from.Add(time.Duration(hours) * time.Hour)
		var samples []Sample
		x := from
		for i := 0; i+1 < len(said); i += 2 {
			x = x.Add(time.Duration(int8(said[i+1])) * time.Minute) // backward, too
			samples = append(samples, Sample{x, said[i]%2 == 1})
		}
		known := Watch([][]Sample{samples}, 5*time.Minute, from, until)
		for i, s := range known {
			if !s.From.Before(s.Until) || i > 0 && (!known[i-1].Until.Equal(s.From) || known[i-1].State == s.State) {
				t.Fatalf("stretches %v", known)
			}
		}
		m := terms.Measure(known, nil, from, until)
		if sum := m.Up + m.Down + m.Unknown + m.Announced; sum != terms.Calendar.OpenTime(from, until, nil) {
			t.Errorf("the parts add up to %s of %s", sum, terms.Calendar.OpenTime(from, until, nil))
		}
		if m.Worst > m.Down || m.Breached() != (m.Worst > m.Tolerance) {
			t.Errorf("%+v", m)
		}
	})
}

// What a story says of looks comes to what samples of each second say.
func TestLastingIsAsWatched(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	for range 200 {
		from := at(t, "2025-03-10 10:00:00")
		lasts, until := time.Duration(1+r.IntN(200))*time.Second, from
		var looked []Stretch
		var samples []Sample
		for i := range 1 + r.IntN(8) {
			state := []State{Unknown, Up, Down}[(i*2+r.IntN(2))%3]
			s := Stretch{until, until.Add(time.Duration(1+r.IntN(300)) * time.Second), state}
			if n := len(looked); n > 0 && state == Unknown && looked[n-1].State != Unknown {
				samples = append(samples, Sample{s.From, looked[n-1].State == Up})
			}
			for x := s.From; x.Before(s.Until) && state != Unknown; x = x.Add(time.Second) {
				samples = append(samples, Sample{x, state == Up})
			}
			looked, until = Follow(looked, []Stretch{s}), s.Until
		}
		want := Watch([][]Sample{samples}, lasts, from, until)
		if got := Lasting(looked, lasts); !slices.Equal(got, want) {
			t.Fatalf("samples that last %s, looked %v:\ngot  %v\nwant %v", lasts, looked, got, want)
		}
	}
}

package fleet

import (
	"testing"
	"time"

	"vigie/internal/strict"
)

func TestNextStart(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, plan, start, end, want string }{
		{"a weekday", "{days: mon-fri, at: '22:00'}", "2026-11-17T22:00", "2026-11-17T23:10", "2026-11-18T22:00"},
		{"over the weekend", "{days: mon-fri, at: '22:00'}", "2026-11-20T22:00", "2026-11-20T23:10", "2026-11-23T22:00"},
		{"ends after midnight", "{days: mon-fri, at: '22:00'}", "", "2026-11-20T01:30", "2026-11-20T22:00"},
		{"by hand before its time", "{days: mon-fri, at: '22:00'}", "2026-11-20T09:00", "2026-11-20T09:20", "2026-11-20T22:00"},
		{"a clock that is slow", "{at: '22:00'}", "2026-11-20T21:58", "2026-11-20T21:59", "2026-11-21T22:00"},
		{"without a time, by its start", "{days: mon-fri}", "2026-11-20T22:00", "2026-11-21T03:00", "2026-11-24T00:00"},
		{"without a time, begun by night", "{days: mon-fri}", "2026-11-19T22:00", "2026-11-20T03:00", "2026-11-21T00:00"},
		{"several days", "{days: 'mon, wed, fri', at: '22:00'}", "", "2026-11-16T22:30", "2026-11-18T22:00"},
		{"round the weekend", "{days: fri-mon, at: '08:00'}", "", "2026-11-16T09:00", "2026-11-20T08:00"},
		{"not on the holiday", "{days: mon-fri, at: '22:00', except: '2026-12-24, 2026-12-25'}", "", "2026-12-23T23:00", "2026-12-28T22:00"},
		{"the clock is put back", "{at: '22:00'}", "", "2026-10-24T23:00", "2026-10-25T22:00"},
		{"the clock is put on", "{at: '02:30'}", "", "2026-03-28T03:00", "2026-03-29T03:30"},
		{"the last Sunday", "{monthly: last sun, at: '22:00'}", "", "2026-11-20T23:00", "2026-11-29T22:00"},
		{"the next last Sunday", "{monthly: last sun, at: '22:00'}", "2026-11-29T22:00", "2026-11-29T23:00", "2026-12-27T22:00"},
		{"the first Monday", "{monthly: first mon, at: '02:00'}", "", "2026-11-20T23:00", "2026-12-07T02:00"},
		{"the second Saturday, without a time", "{monthly: second sat}", "", "2026-11-20T23:00", "2026-12-13T00:00"},
		{"dates of the month", "{monthly: '1, 15', at: '22:00'}", "", "2026-11-15T23:00", "2026-12-01T22:00"},
		{"its last day", "{monthly: last, at: '22:00'}", "2027-01-31T22:00", "2027-01-31T23:00", "2027-02-28T22:00"},
		{"its last day of a leap year", "{monthly: last, at: '22:00'}", "", "2028-02-01T23:00", "2028-02-29T22:00"},
		{"not on the holiday, but a month later", "{monthly: 25, at: '22:00', except: 2026-12-25}", "", "2026-11-25T23:00", "2027-01-25T22:00"},
		{"interval alone", "{interval: 168h}", "", "2026-11-20T23:00", ""},
		{"nothing", "{plan: daily}", "", "2026-11-20T23:00", ""},
	} {
		var p Plan
		if err := strict.Decode("i.yml", []byte(c.plan), &p); err != nil {
			t.Fatal(err)
		}
		at := func(text string) time.Time {
			if text == "" {
				return time.Time{}
			}
			at, err := time.ParseInLocation("2006-01-02T15:04", text, paris)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if got := p.Next(at(c.start), at(c.end), paris); !got.Equal(at(c.want)) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

func TestScheduleOfALine(t *testing.T) {
	got, faults := ReadCSV(file("m.csv", "customer,machine,class,backup_role,plan,engine,days,at,interval,except\n"+
		"d,A,nas,local,x,restic,mon-fri,22:00,24h,2026-12-24 2026-12-25\nd,A,nas,local,y,restic,,,168h,\n"))
	if len(faults) > 0 || len(got) != 1 || len(got[0].Plans) != 2 {
		t.Fatalf("%v, %v", got, faults)
	}
	want := Schedule{Days: 0b0111110, Starts: Clock{22, 0, true}, Interval: 24 * time.Hour, Except: "2026-12-24 2026-12-25"}
	if s := got[0].Plans[0].Schedule; s != want {
		t.Errorf("%+v", s)
	}
	if s := got[0].Plans[1].Schedule; s != (Schedule{Interval: 168 * time.Hour}) {
		t.Errorf("%+v", s)
	}
}

func TestScheduleRefused(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"lundi,,,", `m.csv:2: machines.A.days: "lundi" is no day of the week: write for example mon-fri, or mon, wed, fri`},
		{",22h,,", `m.csv:2: machines.A.at: "22h" is no time of the day: write for example 22:00, in quotes`},
		{",,,soon", `m.csv:2: machines.A.except: "soon" is no date: write for example 2026-12-25, several with a blank between them`},
	} {
		if _, faults := ReadCSV(file("m.csv", "customer,machine,class,plan,days,at,interval,except\nd,A,nas,x,"+c.line+"\n")); faults.Error() != c.want {
			t.Errorf("got  %v\nwant %s", faults, c.want)
		}
	}
	if what, cure := (Schedule{Interval: time.Second}).Check(); what == "" || cure == "" {
		t.Error("a plan each second")
	}
}

func TestMonthlyRefused(t *testing.T) {
	for _, text := range []string{"31", "0", "first", "sun", "fifth mon", "last sunday", "premier lundi"} {
		var m Monthly
		if err := m.UnmarshalScalar(text); err == nil {
			t.Errorf("%q is %q", text, m)
		}
	}
}

// A plan of one day of the week or of the month is not late after a day or two.
func TestGap(t *testing.T) {
	for text, want := range map[string]time.Duration{"{at: '22:00'}": 0, "{days: mon-fri}": 0, "{days: 'mon, wed, fri'}": 0, "{days: sun}": 7 * 24 * time.Hour,
		"{days: 'mon, tue'}": 6 * 24 * time.Hour, "{monthly: last sun}": 31 * 24 * time.Hour, "{interval: 48h}": 0} {
		var p Plan
		if err := strict.Decode("i.yml", []byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if got := p.Gap(); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

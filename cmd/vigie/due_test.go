package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	_ "time/tzdata"
)

const dueCalendarsJSON = `
	"office": {"weekly_windows": {"monday": [["09:00", "19:00"]], "tuesday": [["09:00", "19:00"]]}, "public_holidays": "france", "color": "blue"},
	"utc": {"timezone": "UTC", "weekly_windows": {"monday": [["00:00", "24:00"]]}},
	"wrong": {"timezone": "Europe/Nowhere", "weekly_windows": {"funday": []}},
	"odd": {"weekly_windows": {"monday": [["09:00", "12:00", "19:00"]]}},
	"kind": 3`

func due(t *testing.T, cases string) string {
	t.Helper()
	return dueWith(t, cases, "")
}

func dueWith(t *testing.T, cases, calendars string) string {
	t.Helper()
	path := write(t, "cases.json", `{"format_version": 1, "calendars": {`+dueCalendarsJSON+`}, "cases": [`+cases+`]}`)
	if calendars != "" {
		calendars = write(t, "calendars.json", calendars)
	}
	var out bytes.Buffer
	if err := runDue(&out, path, calendars); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The worked cases of the calendar answer here as they do there: common days, and
// rare ones (clock changes, the turn of the year, leap days, half days, other zones).
func TestDueWorkedCases(t *testing.T) {
	for _, name := range []string{"cases.json", "odd-days.json"} {
		t.Run(name, func(t *testing.T) { testWorkedCases(t, "../../rules/calendar/testdata/"+name) })
	}
}

func testWorkedCases(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Cases []struct {
			ID  string  `json:"id"`
			Due *string `json:"due"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for _, c := range want.Cases {
		due := "null"
		if c.Due != nil {
			due = `"` + *c.Due + `"`
		}
		lines.WriteString(`{"id":"` + c.ID + `","due":` + due + "}\n")
	}
	var out bytes.Buffer
	if err := runDue(&out, path, ""); err != nil {
		t.Fatal(err)
	}
	if out.String() != lines.String() {
		t.Errorf("got\n%s\nwant\n%s", &out, &lines)
	}
}

func TestDueAnswers(t *testing.T) {
	for _, tc := range []struct{ name, asked, want string }{
		{"zone of the calendar",
			`{"id": "a", "calendar": "office", "start": "2026-03-02T09:00:00Z", "duration": {"amount": 1, "unit": "business_hours"}}`,
			`{"id":"a","due":"2026-03-02T11:00:00+01:00"}`},
		{"UTC is written Z",
			`{"id": "a", "calendar": "utc", "start": "2026-03-02T10:00:00+01:00", "duration": {"amount": 1, "unit": "business_hours"}}`,
			`{"id":"a","due":"2026-03-02T10:00:00Z"}`},
		{"fraction of a second",
			`{"id": "a", "calendar": "utc", "start": "2026-03-02T10:00:00.250Z", "duration": {"amount": 1, "unit": "business_hours"}}`,
			`{"id":"a","due":"2026-03-02T11:00:00.25Z"}`},
		{"a tenth of an hour is exact",
			`{"id": "a", "calendar": "utc", "start": "2026-03-02T10:00:00Z", "duration": {"amount": 0.1, "unit": "business_hours"}}`,
			`{"id":"a","due":"2026-03-02T10:06:00Z"}`},
		{"an exponent",
			`{"id": "a", "calendar": "utc", "start": "2026-03-02T10:00:00Z", "duration": {"amount": 1e0, "unit": "business_hours"}}`,
			`{"id":"a","due":"2026-03-02T11:00:00Z"}`},
		{"paused, without and with a null end",
			`{"id": "a", "calendar": "utc", "start": "2026-03-02T10:00:00Z", "duration": {"amount": 1, "unit": "business_hours"}, "pauses": [{"from": "2026-03-02T10:30:00Z"}]}`,
			`{"id":"a","due":null}`},
		{"unknown keys", `{"id": "a", "mood": [1], "calendar": "utc", "start": "2026-03-02T10:00:00Z", "duration": {"amount": 1, "unit": "business_hours", "x": 1}, "pauses": null}`,
			`{"id":"a","due":"2026-03-02T11:00:00Z"}`},
		{"a number for an id", `{"id": 7, "calendar": "none"}`,
			`{"id":7,"error":"calendar: unknown calendar \"none\"; name one of the calendars"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := due(t, tc.asked); got != tc.want+"\n" {
				t.Errorf("got  %swant %s", got, tc.want)
			}
		})
	}
}

func TestDueErrors(t *testing.T) {
	const hour = `"duration": {"amount": 1, "unit": "business_hours"}`
	const start = `"start": "2026-03-02T10:00:00+01:00"`
	amount := func(amount, unit string) string {
		return `{"id": "e", "calendar": "office", ` + start + `, "duration": {"amount": ` + amount + `, "unit": "` + unit + `"}}`
	}
	for _, tc := range []struct{ name, asked, want string }{
		{"not an object", `[]`, "array"},
		{"no calendar", `{"id": "e", ` + start + `, ` + hour + `}`, "calendar: there is none"},
		{"unknown calendar", `{"id": "e", "calendar": "x", ` + start + `, ` + hour + `}`, `unknown calendar "x"`},
		{"bad calendar", `{"id": "e", "calendar": "wrong", ` + start + `, ` + hour + `}`, `calendar wrong: timezone: unknown zone "Europe/Nowhere"; write an IANA name such as "Europe/Paris"; weekly_windows.funday: unknown weekday`},
		{"window of three", `{"id": "e", "calendar": "odd", ` + start + `, ` + hour + `}`, "window 1 has 3 times"},
		{"calendar of another kind", `{"id": "e", "calendar": "kind", ` + start + `, ` + hour + `}`, "calendar kind: "},
		{"no duration", `{"id": "e", "calendar": "office", ` + start + `}`, "duration: there is none"},
		{"no amount", `{"id": "e", "calendar": "office", ` + start + `, "duration": {"unit": "business_hours"}}`, "duration.amount: there is none"},
		{"no unit", `{"id": "e", "calendar": "office", ` + start + `, "duration": {"amount": 1}}`, "duration.unit: unknown unit"},
		{"zero hours", amount("0", "business_hours"), "out of range"},
		{"negative hours", amount("-1", "business_hours"), "out of range"},
		{"zero days", amount("0", "business_days"), "out of range"},
		{"zero calendar days", amount("0", "calendar_days_then_close_of_business_day"), "out of range"},
		{"negative closing", amount("-1", "close_of_business_day"), "out of range"},
		{"half a day", amount("0.5", "business_days"), "not whole"},
		{"huge", amount("1e999999999", "business_hours"), "too many digits"},
		{"long", amount(strings.Repeat("9", 500), "business_hours"), "not an amount"},
		{"large", amount("3000000", "business_hours"), "out of range"},
		{"tiny", amount("1e-30", "business_hours"), "too many digits"},
		{"NaN", amount(`"NaN"`, "business_hours"), `"NaN" is not an amount`},
		{"a boolean", amount("true", "business_hours"), "not an amount"},
		{"unit", amount("1", "weeks"), `unknown unit "weeks"`},
		{"no start", `{"id": "e", "calendar": "office", ` + hour + `}`, `start: "" is not an instant`},
		{"start without offset", `{"id": "e", "calendar": "office", "start": "2026-03-02T10:00:00", ` + hour + `}`, "is not an instant"},
		{"start of another kind", `{"id": "e", "calendar": "office", "start": 5, ` + hour + `}`, "start"},
		{"end of time", `{"id": "e", "calendar": "office", "start": "9998-12-31T10:00:00Z", "duration": {"amount": 2500000, "unit": "business_hours"}}`, "years 1 to 9999"},
		{"pause backwards", `{"id": "e", "calendar": "office", ` + start + `, ` + hour + `, "pauses": [{"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T11:00:00Z"}]}`, "before it begins"},
		{"pause without beginning", `{"id": "e", "calendar": "office", ` + start + `, ` + hour + `, "pauses": [{"to": "2026-03-02T11:00:00Z"}]}`, "pauses[0].from"},
		{"at_least elsewhere", `{"id": "e", "calendar": "office", ` + start + `, "duration": {"amount": 1, "unit": "business_days", "at_least": {"amount": 1, "unit": "business_hours"}}}`, "duration.at_least: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sound := `{"id": "sound", "calendar": "office", ` + start + `, ` + hour + `}`
			lines := strings.SplitAfter(due(t, tc.asked+","+sound), "\n")
			var got map[string]any
			if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
				t.Fatal(err)
			}
			message, _ := got["error"].(string)
			if _, has := got["due"]; has || !strings.Contains(message, tc.want) || strings.Contains(message, "\n") || strings.Contains(message, "Go ") {
				t.Errorf("got %swant an error that contains %q", lines[0], tc.want)
			}
			if want := `{"id":"sound","due":"2026-03-02T11:00:00+01:00"}` + "\n"; lines[1] != want {
				t.Errorf("the case after it: got %swant %s", lines[1], want)
			}
		})
	}
}

func TestDueReplacesCalendars(t *testing.T) {
	const asked = `{"id": 1, "calendar": "office", "start": "2026-03-02T10:00:00+01:00", "duration": {"amount": 0, "unit": "close_of_business_day"}},
		{"id": 2, "calendar": "utc", "start": "2026-03-02T10:00:00+01:00", "duration": {"amount": 1, "unit": "business_hours"}},
		{"id": 3, "calendar": "new", "start": "2026-03-02T10:00:00+01:00", "duration": {"amount": 0, "unit": "close_of_business_day"}}`
	const calendars = `{
		"office": {"weekly_windows": {"monday": [["09:00", "17:00"]]}},
		"new": {"weekly_windows": {"monday": [["09:00", "16:00"]]}}}`
	want := `{"id":1,"due":"2026-03-02T17:00:00+01:00"}
{"id":2,"due":"2026-03-02T10:00:00Z"}
{"id":3,"due":"2026-03-02T16:00:00+01:00"}
`
	for _, replacing := range []string{calendars, `{"title": "this year's", "calendars": ` + calendars + `}`} {
		if got := dueWith(t, asked, replacing); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestDueUnreadableFiles(t *testing.T) {
	sound := write(t, "sound.json", `{"cases": []}`)
	broken := write(t, "broken.json", "{\n\"cases\": [}\n")
	missing := filepath.Join(t.TempDir(), "missing.json")
	list, none := write(t, "list.json", `[]`), write(t, "none.json", `{"calendars": {}}`)
	for _, paths := range [][2]string{{missing, ""}, {broken, ""}, {list, ""}, {none, ""}, {sound, missing}, {sound, broken}} {
		var out bytes.Buffer
		if err := runDue(&out, paths[0], paths[1]); err == nil || out.Len() > 0 || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%v: error %v, output %q", paths, err, &out)
		} else if strings.Contains(err.Error(), "broken") && !strings.Contains(err.Error(), "broken.json:2") {
			t.Errorf("%v does not name the line", err)
		}
	}
}

// Whatever a case contains, it gets one line within a moment.
func FuzzDueCase(f *testing.F) {
	f.Add([]byte(`{"id": "a", "calendar": "office", "start": "2026-03-02T10:00:00Z", "duration": {"amount": 1.5, "unit": "business_hours"}, "pauses": [{"from": "2026-03-02T11:00:00Z", "to": null}]}`))
	f.Add([]byte(`{"id": 1, "calendar": "utc", "start": "0001-01-01T00:00:00Z", "duration": {"amount": "1e5", "unit": "business_days"}}`))
	f.Add([]byte(`{"calendar": "office", "start": "2026-10-25T02:30:00+01:00", "duration": {"amount": 0, "unit": "close_of_business_day", "at_least": {"amount": 2, "unit": "business_hours"}}}`))
	var written map[string]json.RawMessage
	if err := json.Unmarshal([]byte(`{`+dueCalendarsJSON+`}`), &written); err != nil {
		f.Fatal(err)
	}
	calendars := make(dueCalendars)
	for name, definition := range written {
		calendars[name] = decodeCalendar(definition)
	}
	f.Fuzz(func(t *testing.T, question []byte) {
		if !json.Valid(question) {
			t.Skip()
		}
		line, err := json.Marshal(calendars.answer(question))
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(line, &answer); err != nil {
			t.Fatal(err)
		}
		if _, due := answer["due"]; due == (answer["error"] != nil) {
			t.Errorf("%s: want either due or error", line)
		}
	})
}

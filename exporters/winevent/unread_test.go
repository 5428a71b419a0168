package winevent

import (
	"strings"
	"testing"
	"time"
)

// An event that cannot be read is told, and hides none of the others.
func TestUnreadEvents(t *testing.T) {
	event := func(id, at, text string) string {
		return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>` + id + `</EventID><TimeCreated SystemTime='` + at + `'/></System><EventData><Data>` + text + `</Data></EventData></Event>`
	}
	const at = "2026-03-09T10:00:00Z"
	good := event("190", at, "fine")
	for name, bad := range map[string]string{
		"id": event("none", at, "x"), "instant": event("4", "yesterday", "x"), "nesting": event("4", at, "<a><b></a>"),
		"an unknown entity": event("4", at, "&nbsp;"), "cut off": strings.Split(event("4", at, "x"), "</Data>")[0],
	} {
		for _, text := range []string{"<Events>" + good + bad + good + "</Events>", good + bad + good, "<?xml version='1.0'?>\r\n<Events>\r\n" + bad + bad + good + "</Events>"} {
			got, err := Parse([]byte(text))
			read, unread := 0, 0
			for _, e := range got {
				if e.Unread == "" && e.ID == 190 && e.Data[0] == "fine" {
					read++
				} else if e.Unread != "" && e.Time.IsZero() {
					unread++
				}
			}
			if err != nil || read+unread != 3 || len(got) != 3 || unread != strings.Count(text, bad) {
				t.Errorf("%s: %d read, %d unread, %v\n%s", name, read, unread, err, text)
			}
		}
		if _, err := Parse([]byte("<Events>" + bad + "</Events>")); err == nil {
			t.Errorf("%s: a log of which nothing can be read was taken", name)
		}
	}
	if _, err := Parse([]byte("<Events>" + good + good[:len(good)-30])); err == nil {
		t.Error("a log that is cut off was taken")
	}
	if _, err := Parse([]byte("<Events>" + good + strings.Repeat(event("x", at, ""), maxUnread+1) + "</Events>")); err == nil {
		t.Error("a log of which hardly anything can be read was taken")
	}
	if got, err := Parse([]byte("<Events>" + strings.Repeat(good, maxUnread+2) + strings.Repeat(event("x", at, ""), maxUnread+1) + "</Events>")); err != nil || len(got) != 2*maxUnread+3 {
		t.Errorf("of a log of which more than half can be read, %d: %v", len(got), err)
	}
	// What appends one export to another leaves marks and texts between events.
	for _, between := range []string{"\ufeff", "\x00\x00", "WARNING: the log was cleared"} {
		if got, err := Parse([]byte(good + between + good)); err != nil || len(got) != 3 {
			t.Errorf("%q between two events: %d, %v", between, len(got), err)
		}
	}
	if _, err := Parse([]byte("no events at all")); err == nil {
		t.Error("a text was taken for a log")
	}
}

// Windows hands out instants in UTC; what writes them anew leaves the letter away.
func TestInstantsOfEvents(t *testing.T) {
	for text, want := range map[string]string{"2026-03-09T10:00:00.1234567Z": "2026-03-09T10:00:00.1234567Z", "2026-03-09T10:00:00.123": "2026-03-09T10:00:00.123Z",
		"2026-03-09 10:00:00": "2026-03-09T10:00:00Z", "2026-03-09T11:00:00+01:00": "2026-03-09T10:00:00Z"} {
		got, err := Parse([]byte("<Event><System><EventID>4</EventID><TimeCreated SystemTime='" + text + "'/></System></Event>"))
		if err != nil || len(got) != 1 || got[0].Time.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, want %s: %v", text, got, want, err)
		}
	}
}

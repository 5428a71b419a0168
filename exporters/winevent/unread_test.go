package winevent

import (
	"strings"
	"testing"
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
}

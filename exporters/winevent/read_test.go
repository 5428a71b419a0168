package winevent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"vigie/exporters"
)

// fakeJournal is a log as Windows would hand it out.
type fakeJournal struct {
	t        *testing.T
	events   []string // XML
	texts    map[string]string
	open     map[handle]int // handle -> index of the event, -1 for the query
	at       int
	serial   handle
	fail     map[string]error // by method
	path     string
	calls    int
	slowDown func()
}

func newJournal(t *testing.T, n int) *fakeJournal {
	j := &fakeJournal{t: t, open: map[handle]int{}, fail: map[string]error{}, texts: map[string]string{}}
	for i := range n {
		j.events = append(j.events, eventXML(i, ""))
	}
	t.Cleanup(func() {
		if len(j.open) != 0 {
			t.Errorf("%d handles are left open", len(j.open))
		}
	})
	return j
}

func eventXML(i int, rest string) string {
	return fmt.Sprintf("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Backup'/><EventID>4</EventID><Level>4</Level>"+
		"<TimeCreated SystemTime='2026-03-09T20:12:26.000000000Z'/><EventRecordID>%d</EventRecordID><Channel>Microsoft-Windows-Backup</Channel><Computer>SRV-é</Computer></System>"+
		"<EventData><Data Name='Pad'>%s</Data></EventData>%s</Event>", i+1, strings.Repeat("x", i%3*3000), rest)
}

func (j *fakeJournal) opened(index int) handle {
	j.serial++
	j.open[j.serial] = index
	return j.serial
}

func (j *fakeJournal) query(_, path string) (handle, error) {
	j.path = path
	if err := j.fail["query"]; err != nil {
		return 0, err
	}
	return j.opened(-1), nil
}

func (j *fakeJournal) next(h handle, into []handle) (int, error) {
	if j.open[h] != -1 {
		j.t.Error("next of something that is no query")
	}
	j.calls++
	if err := j.fail["next"]; err != nil && j.calls > 1 {
		return 0, err
	}
	if j.slowDown != nil {
		j.slowDown()
	}
	n := 0
	for ; n < len(into) && j.at < len(j.events); n++ {
		into[n] = j.opened(j.at)
		j.at++
	}
	return n, nil
}

func (j *fakeJournal) write(text string, into []uint16) (int, error) {
	units := append(utf16.Encode([]rune(text)), 0) // Windows ends texts with a zero
	if len(units) <= len(into) {
		copy(into, units)
	}
	return len(units), nil
}

func (j *fakeJournal) render(h handle, into []uint16) (int, error) {
	if err := j.fail["render"]; err != nil && j.open[h] == 2 {
		return 0, err
	}
	return j.write(j.events[j.open[h]], into)
}

func (j *fakeJournal) describe(h handle, provider string, into []uint16) (int, error) {
	text, ok := j.texts[provider]
	if !ok {
		return 0, winError(15002)
	}
	return j.write(eventXML(j.open[h], "<RenderingInfo Culture='fr-FR'><Message>"+text+"</Message></RenderingInfo>"), into)
}

func (j *fakeJournal) close(h handle) {
	if _, ok := j.open[h]; !ok {
		j.t.Errorf("handle %d is closed twice", h)
	}
	delete(j.open, h)
}

func TestReadAllEvents(t *testing.T) {
	for _, n := range []int{0, 1, batch, batch + 1, 5*batch + 7} {
		j := newJournal(t, n)
		events, err := read(t.Context(), j, Query{Channel: "Microsoft-Windows-Backup", IDs: []int{4}}, time.Minute)
		if err != nil || len(events) != n {
			t.Fatalf("%d events of %d, %v", len(events), n, err)
		}
		for i, e := range events {
			if e.RecordID != uint64(i+1) || e.Computer != "SRV-é" || len(e.Value("Pad")) != i%3*3000 || e.Message != "" {
				t.Fatalf("event %d: %+v", i, e)
			}
		}
		if j.path != "*[System[(EventID=4)]]" {
			t.Errorf("path %q", j.path)
		}
	}
}

func TestReadMessages(t *testing.T) {
	j := newJournal(t, 3)
	j.texts["Microsoft-Windows-Backup"] = "L’opération de sauvegarde s’est terminée."
	events, err := read(t.Context(), j, Query{Channel: "c", Messages: true}, time.Minute)
	if err != nil || len(events) != 3 || events[2].Message != "L’opération de sauvegarde s’est terminée." || events[2].RecordID != 3 {
		t.Errorf("%v %+v", err, events)
	}
	// Without the provider's texts the data have to do.
	events, err = read(t.Context(), newJournal(t, 3), Query{Channel: "c", Messages: true}, time.Minute)
	if err != nil || len(events) != 3 || events[0].Message != "" {
		t.Errorf("%v %+v", err, events)
	}
}

func TestReadFails(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		err    error
		want   exporters.Reason
	}{
		"no right":        {"query", errAccessDenied, exporters.ReasonForbidden},
		"no such log":     {"query", errNoSuchLog, exporters.ReasonNotFound},
		"cleared":         {"next", errStaleResult, exporters.ReasonIncomplete},
		"slow":            {"next", errTimedOut, exporters.ReasonTimeout},
		"something else":  {"next", winError(1722), exporters.ReasonOther},
		"one event fails": {"render", winError(13), exporters.ReasonOther},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(t, 3*batch)
			j.fail[c.method] = c.err
			events, err := read(t.Context(), j, Query{Channel: "c"}, time.Minute)
			if events != nil || exporters.ReasonOf(err) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%d events, %v", len(events), err)
			}
		})
	}
	t.Run("no event in it", func(t *testing.T) {
		j := newJournal(t, 3)
		j.events[1] = "<html/>"
		events, err := read(t.Context(), j, Query{Channel: "c"}, time.Minute)
		if err != nil || len(events) != 3 || events[0].Unread != "" || events[1].Unread == "" || events[2].Unread != "" {
			t.Errorf("%+v, %v", events, err)
		}
		j = newJournal(t, 1)
		j.events[0] = "<html/>"
		if _, err := read(t.Context(), j, Query{Channel: "c"}, time.Minute); exporters.ReasonOf(err) != exporters.ReasonMalformed {
			t.Errorf("%v", err)
		}
	})
	t.Run("out of time", func(t *testing.T) {
		j := newJournal(t, 3*batch)
		ctx, cancel := context.WithCancel(t.Context())
		j.slowDown = cancel
		if _, err := read(ctx, j, Query{Channel: "c"}, time.Minute); exporters.ReasonOf(err) != exporters.ReasonTimeout {
			t.Errorf("%v", err)
		}
	})
	t.Run("a bad name", func(t *testing.T) {
		if _, err := read(t.Context(), newJournal(t, 1), Query{Channel: "x' or '1"}, time.Minute); err == nil {
			t.Error("a quote in a name was taken")
		}
	})
}

func TestFillDoesNotTryForEver(t *testing.T) {
	room := make([]uint16, 1)
	if _, err := fill(&room, func(into []uint16) (int, error) { return len(into) + 1, nil }); err == nil {
		t.Error("a text that grows for ever was taken")
	}
	if _, err := fill(&room, func([]uint16) (int, error) { return mostRoom + 1, nil }); err == nil {
		t.Error("a text of any length was taken")
	}
}

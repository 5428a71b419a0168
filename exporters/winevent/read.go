package winevent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf16"

	"vigie/exporters"
)

// handle is something that Windows opened and wants closed.
type handle uintptr

// journal is what Windows offers for reading its event logs.
type journal interface {
	// query opens the events of a log that a path selects, oldest first.
	query(channel, path string) (handle, error)
	// next opens further events; none at the end.
	next(events handle, into []handle) (int, error)
	// render writes an event as XML. It gives the length that is needed,
	// which may be more than the room there is.
	render(event handle, into []uint16) (int, error)
	// describe does the same with the texts that the event's provider has for
	// people.
	describe(event handle, provider string, into []uint16) (int, error)
	close(handle)
}

// winError is a code of Windows.
type winError uint32

// The codes that say what a person can do.
const (
	errAccessDenied   winError = 5
	errBufferTooSmall winError = 122
	errNoMoreItems    winError = 259
	errTimedOut       winError = 1460
	errNoSuchLog      winError = 15007
	errStaleResult    winError = 15011 // the log was cleared or turned over meanwhile
)

// Error gives the code and what it means.
func (e winError) Error() string {
	switch e {
	case errAccessDenied:
		return "access denied (5): the account is not in Event Log Readers"
	case errNoSuchLog:
		return "there is no such log (15007)"
	case errStaleResult:
		return "the log changed under the reader (15011)"
	case errTimedOut:
		return "Windows took too long (1460)"
	}
	return fmt.Sprintf("Windows error %d", uint32(e))
}

// reason classifies a code.
func (e winError) reason() exporters.Reason {
	switch e {
	case errAccessDenied:
		return exporters.ReasonForbidden
	case errNoSuchLog:
		return exporters.ReasonNotFound
	case errStaleResult:
		return exporters.ReasonIncomplete
	case errTimedOut:
		return exporters.ReasonTimeout
	}
	return exporters.ReasonOther
}

const (
	batch     = 64       // events that are opened at once
	firstRoom = 4 << 10  // UTF-16 units for one event, at first
	mostRoom  = 16 << 20 // and at most
)

// read reads all events of a query or fails.
func read(ctx context.Context, j journal, q Query, timeout time.Duration) ([]Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fail := func(err error) ([]Event, error) {
		reason := exporters.ReasonMalformed
		var we winError
		switch {
		case errors.As(err, &we):
			reason = we.reason()
		case ctx.Err() != nil:
			reason, err = exporters.ReasonTimeout, fmt.Errorf("the log was not read within %s", timeout)
		}
		return nil, &exporters.SourceError{Endpoint: q.Channel, Reason: reason, Err: err}
	}
	path, err := q.XPath()
	if err != nil {
		return fail(err)
	}
	events, err := j.query(q.Channel, path)
	if err != nil {
		return fail(err)
	}
	defer j.close(events)
	var out []Event
	var opened [batch]handle
	room := make([]uint16, firstRoom)
	for ctx.Err() == nil {
		n, err := j.next(events, opened[:])
		if err != nil {
			return fail(err)
		}
		if n == 0 {
			if i := slices.IndexFunc(out, func(e Event) bool { return e.Unread == "" }); i < 0 && len(out) > 0 {
				return fail(errors.New(out[0].Unread)) // silence would look as if nothing had happened
			}
			return out, nil
		}
		for i := range n {
			if err == nil {
				var e Event
				if e, err = readOne(j, opened[i], q.Messages, &room); err == nil {
					out = append(out, e)
				}
			}
			j.close(opened[i])
		}
		if err == nil && len(out) > maxEvents {
			err = fmt.Errorf("more than %d events; read a shorter time", maxEvents)
		}
		if err != nil {
			return fail(err)
		}
	}
	return fail(ctx.Err())
}

func readOne(j journal, event handle, messages bool, room *[]uint16) (Event, error) {
	text, err := fill(room, func(into []uint16) (int, error) { return j.render(event, into) })
	if err != nil {
		return Event{}, err
	}
	e, err := parseOne(text)
	if err != nil {
		return Event{Unread: err.Error()}, nil
	}
	if !messages {
		return e, nil
	}
	text, err = fill(room, func(into []uint16) (int, error) { return j.describe(event, e.Provider, into) })
	if err != nil {
		return e, nil // a provider that left no texts behind: the data have to do
	}
	described, err := parseOne(text)
	if err != nil {
		return e, nil // without the text at least
	}
	return described, nil
}

func parseOne(text string) (Event, error) {
	events, err := Parse([]byte(text))
	if err == nil && len(events) != 1 {
		err = fmt.Errorf("%d events where one was expected", len(events))
	}
	if err != nil {
		return Event{}, err
	}
	return events[0], nil
}

// fill lets Windows write a text, making room as needed.
func fill(room *[]uint16, write func([]uint16) (int, error)) (string, error) {
	for range 3 { // a text may grow between two calls, but not for ever
		n, err := write(*room)
		if err != nil {
			return "", err
		}
		if n > mostRoom {
			return "", fmt.Errorf("an event of %d characters", n)
		}
		if n <= len(*room) {
			units := (*room)[:n]
			for len(units) > 0 && units[len(units)-1] == 0 {
				units = units[:len(units)-1]
			}
			return string(utf16.Decode(units)), nil
		}
		*room = make([]uint16, n)
	}
	return "", errBufferTooSmall
}

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"vigie/rules/calendar"
)

// maxDueFile is the largest file that `vigie due` reads.
const maxDueFile = 64 << 20

// dueFile is what `vigie due` reads. Calendars and cases are decoded one by
// one, so that a bad one spoils no other.
type dueFile struct {
	Calendars map[string]json.RawMessage `json:"calendars"`
	Cases     []json.RawMessage          `json:"cases"`
}

// dueCase is one question: when does this delay end?
type dueCase struct {
	Calendar *string            `json:"calendar"`
	Start    string             `json:"start"`
	Duration *calendar.Duration `json:"duration"`
	Pauses   []struct {
		From string  `json:"from"`
		To   *string `json:"to"` // null while it lasts
	} `json:"pauses"`
}

// runDue answers the cases of a JSON file, one JSON line each and in their
// order: the due instant, null while the clock is paused, or the error that
// keeps the case from having one. Calendars of the second file, if one is
// named, replace those of the same name. The error is about the files
// themselves.
func runDue(out io.Writer, casesPath, calendarsPath string) error {
	file, err := readDueFile(casesPath)
	if err != nil {
		return err
	}
	if calendarsPath != "" {
		replacing, err := readDueCalendars(calendarsPath)
		if err != nil {
			return err
		}
		if file.Calendars == nil {
			file.Calendars = replacing
		}
		maps.Copy(file.Calendars, replacing)
	}

	calendars := make(dueCalendars)
	for name, definition := range file.Calendars {
		calendars[name] = decodeCalendar(definition)
	}
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for _, question := range file.Cases {
		if err := lines.Encode(calendars.answer(question)); err != nil {
			return err
		}
	}
	return nil
}

func readDueFile(path string) (dueFile, error) {
	var read dueFile
	err := readJSON(path, &read)
	if err == nil && read.Cases == nil {
		err = fmt.Errorf("%s:1: cases: there are none; a file is {\"calendars\": {...}, \"cases\": [...]}", path)
	}
	return read, err
}

// readDueCalendars takes calendars from the field of that name, as in a file of
// cases, or the file for the calendars themselves if it has no such field.
func readDueCalendars(path string) (map[string]json.RawMessage, error) {
	var named map[string]json.RawMessage
	if err := readJSON(path, &named); err != nil {
		return nil, err
	}
	if _, ok := named["calendars"]; !ok {
		return named, nil
	}
	var file dueFile
	err := readJSON(path, &file)
	return file.Calendars, err
}

func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDueFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxDueFile {
		return fmt.Errorf("%s: larger than %d MiB; split it", path, maxDueFile>>20)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", at(path, data, err), shapeFault(err))
	}
	return nil
}

// shapeFault says a wrong type in words of JSON.
func shapeFault(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return err
	}
	return fmt.Errorf("%s: found a JSON %s; a file is {\"calendars\": {...}, \"cases\": [...]}, a case {\"id\", \"calendar\", \"start\", \"duration\", \"pauses\"}",
		cmp.Or(kind.Field, "wrong shape"), kind.Value)
}

// at is the path, with the line on which decoding failed if the error tells.
func at(path string, data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var offset int64
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	default:
		return path
	}
	return fmt.Sprintf("%s:%d", path, 1+bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n")))
}

// dueCalendars is the calendars by name, sound and unsound.
type dueCalendars map[string]dueCalendar

type dueCalendar struct {
	*calendar.Calendar
	err error
}

func decodeCalendar(written json.RawMessage) dueCalendar {
	var definition calendar.Definition
	if err := json.Unmarshal(written, &definition); err != nil {
		return dueCalendar{err: shapeFault(err)}
	}
	built, err := calendar.New(definition)
	return dueCalendar{built, err}
}

// dueAnswer is one line of output. Due is null while the clock is paused and
// absent when there is an error.
type dueAnswer struct {
	ID    json.RawMessage `json:"id"`
	Due   json.RawMessage `json:"due,omitempty"`
	Error string          `json:"error,omitempty"`
}

func (c dueCalendars) answer(question json.RawMessage) dueAnswer {
	id := caseID(question)
	due, paused, err := c.due(question)
	switch {
	case err != nil:
		return dueAnswer{ID: id, Error: strings.ReplaceAll(err.Error(), "\n", "; ")}
	case paused:
		return dueAnswer{ID: id, Due: json.RawMessage("null")}
	default:
		return dueAnswer{ID: id, Due: json.RawMessage(due.Format(`"` + time.RFC3339Nano + `"`))}
	}
}

// caseID is the id as it was written, whatever else is wrong with the case.
func caseID(question json.RawMessage) json.RawMessage {
	var named struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(question, &named); err != nil || named.ID == nil {
		return json.RawMessage("null")
	}
	return named.ID
}

func (c dueCalendars) due(question json.RawMessage) (due time.Time, paused bool, err error) {
	var asked dueCase
	if err := json.Unmarshal(question, &asked); err != nil {
		return time.Time{}, false, shapeFault(err)
	}
	if asked.Calendar == nil {
		return time.Time{}, false, errors.New("calendar: there is none; name one of the calendars")
	}
	used, ok := c[*asked.Calendar]
	if !ok {
		return time.Time{}, false, fmt.Errorf("calendar: unknown calendar %q; name one of the calendars", *asked.Calendar)
	}
	if used.err != nil {
		return time.Time{}, false, fmt.Errorf("calendar %s: %w", *asked.Calendar, used.err)
	}
	if asked.Duration == nil {
		return time.Time{}, false, errors.New("duration: there is none; give an amount and a unit")
	}
	if err := asked.Duration.Validate(); err != nil {
		return time.Time{}, false, fmt.Errorf("duration.%w", err)
	}
	start, err := parseInstant("start", asked.Start)
	if err != nil {
		return time.Time{}, false, err
	}
	pauses, err := asked.pauses()
	if err != nil {
		return time.Time{}, false, err
	}
	return used.Due(start, *asked.Duration, pauses)
}

func (asked dueCase) pauses() ([]calendar.Pause, error) {
	pauses := make([]calendar.Pause, len(asked.Pauses))
	for i, written := range asked.Pauses {
		var err error
		if pauses[i].From, err = parseInstant(fmt.Sprintf("pauses[%d].from", i), written.From); err != nil {
			return nil, err
		}
		if written.To == nil {
			continue
		}
		if pauses[i].To, err = parseInstant(fmt.Sprintf("pauses[%d].to", i), *written.To); err != nil {
			return nil, err
		}
	}
	return pauses, nil
}

// parseInstant is strict: time.Parse would take a comma, or an hour of one
// digit.
func parseInstant(key, text string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil || t.IsZero() {
		return time.Time{}, fmt.Errorf("%s: %q is not an instant; write it as in RFC 3339, like 2026-03-02T10:00:00+01:00", key, text)
	}
	return t, nil
}

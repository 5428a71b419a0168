package kept

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	v1 "github.com/go-json-experiment/json/v1"

	"vigie/rules/incident"
)

// text is the JSON of a state that is being written.
type text struct {
	alone  incident.Incident // the incident without its alerts
	around bytes.Buffer      // what is written of that
	b      []byte
	names  []string // of the object that is being written
	err    error    // why it cannot be
}

// texts are used again: a state has some kilobytes.
var texts = sync.Pool{New: func() any { return new(text) }}

// done gives back what holds on to nothing.
func (t *text) done() {
	t.alone, t.b, t.err = incident.Incident{}, t.b[:0], nil
	t.around.Reset()
	clear(t.names)
	texts.Put(t)
}

// The member of a state that holds its alerts, and as it is without any.
const (
	allAlerts = `"alerts":`
	noAlerts  = allAlerts + `null`
)

// alerts puts an incident's alerts, as reflection would write them, where they belong
// in what is written around them.
func (t *text) alerts(all map[string]*incident.Alert) error {
	before, after, _ := bytes.Cut(t.around.Bytes(), []byte(noAlerts)) // nothing before them has that form
	t.b = append(append(t.b, before...), allAlerts...)
	for n, fingerprint := range slices.Sorted(maps.Keys(all)) {
		t.member(n, fingerprint)
		t.alert(all[fingerprint])
	}
	t.end(len(all))
	t.b = append(t.b, after...)
	return t.err
}

func (t *text) alert(a *incident.Alert) {
	if a == nil {
		t.b = append(t.b, "null"...)
		return
	}
	t.b = append(t.b, `{"labels":`...)
	t.pairs(a.Labels)
	if len(a.Annotations) > 0 {
		t.b = append(t.b, `,"annotations":`...)
		t.pairs(a.Annotations)
	}
	t.instant(`,"starts_at":"`, a.StartsAt)
	t.instant(`,"ended_at":"`, a.EndedAt)
	t.b = strconv.AppendBool(append(t.b, `,"firing":`...), a.Firing)
	t.instant(`,"last_seen":"`, a.LastSeen)
	t.instant(`,"last_failure":"`, a.LastFailure)
	t.instant(`,"success_before":"`, a.SuccessBefore)
	t.flag(`,"success_known":true`, a.SuccessKnown)
	t.instant(`,"last_success":"`, a.LastSuccess)
	if a.SizeBytes != 0 {
		size, err := v1.Marshal(a.SizeBytes)
		t.b, t.err = append(append(t.b, `,"size_bytes":`...), size...), errors.Join(t.err, err)
	}
	if a.Runs != 0 {
		t.b = strconv.AppendInt(append(t.b, `,"runs":`...), int64(a.Runs), 10)
	}
	t.instant(`,"run":"`, a.Run)
	t.instant(`,"run_start":"`, a.RunStart)
	t.flag(`,"lost":true`, a.Lost)
	if a.Error != "" {
		t.b = append(t.b, `,"error":`...)
		t.quoted(a.Error)
	}
	t.flag(`,"proven":true`, a.Proven)
	t.b = append(t.b, '}')
}

func (t *text) pairs(of map[string]string) {
	if of == nil {
		t.b = append(t.b, "null"...)
		return
	}
	t.names = slices.AppendSeq(t.names[:0], maps.Keys(of))
	slices.Sort(t.names)
	for n, name := range t.names {
		t.member(n, name)
		t.quoted(of[name])
	}
	t.end(len(of))
}

// member begins the nth member of an object.
func (t *text) member(n int, name string) {
	before := byte(',')
	if n == 0 {
		before = '{'
	}
	t.b = append(t.b, before)
	t.quoted(name)
	t.b = append(t.b, ':')
}

// end ends an object of so many members.
func (t *text) end(members int) {
	if members == 0 {
		t.b = append(t.b, '{')
	}
	t.b = append(t.b, '}')
}

// quoted writes a string; one with anything to be escaped is rare.
func (t *text) quoted(s string) {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f {
			quoted, err := v1.Marshal(s)
			t.b, t.err = append(t.b, quoted...), errors.Join(t.err, err)
			return
		}
	}
	t.b = append(append(append(t.b, '"'), s...), '"')
}

func (t *text) instant(name string, at time.Time) {
	if at.IsZero() {
		return
	}
	b, err := at.AppendText(append(t.b, name...))
	t.b, t.err = append(b, '"'), errors.Join(t.err, err)
}

func (t *text) flag(member string, set bool) {
	if set {
		t.b = append(t.b, member...)
	}
}

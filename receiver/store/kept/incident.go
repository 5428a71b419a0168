// Package kept reads and writes what rows keep as JSON. Another build may know more
// of it, and wrote that down: what this one does not know stays where it was.
package kept

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"

	"vigie/rules/incident"
)

// Encode writes an incident as JSON. The state is read and written for every
// decision; this json package does it byte for byte like encoding/json, and reads
// in two thirds of the time. What is not behind a pointer it would copy twice. Alerts,
// most of a state, are written by hand.
func Encode(inc *incident.Incident) ([]byte, error) {
	t := texts.Get().(*text)
	defer t.done()
	t.alone = *inc
	t.alone.Alerts = nil
	err := json.MarshalWrite(&t.around, &t.alone, v1.DefaultOptionsV1())
	if err == nil && inc.Alerts != nil {
		err = t.alerts(inc.Alerts)
	} else {
		t.b = append(t.b, t.around.Bytes()...)
	}
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", inc.ID, err)
	}
	return bytes.Clone(t.b), nil
}

// Decode reads what [Encode] wrote, in this build or another one.
func Decode(text []byte, inc *incident.Incident) error {
	if err := v1.Unmarshal(text, inc); err != nil || !bytes.Contains(text, []byte(`"`+firstHealed+`":[`)) {
		return err
	}
	var old struct{ SelfHealed []time.Time }
	err := v1.Unmarshal(text, &old)
	inc.SelfHealed = old.SelfHealed
	return err
}

// Names of the first builds that are read into fields of other names, and so are
// not what this build does not know.
const (
	firstHealed = "SelfHealed"
	firstEnding = "ending:"
)

// Incidents reads the states of incidents. The zero value is ready.
type Incidents struct {
	once    sync.Once
	options json.Options
}

// Read reads a state as [Decode] does, and reports whether it may hold what this
// build does not know: then [Amended] has to write it.
func (s *Incidents) Read(text []byte, inc *incident.Incident) (foreign bool, err error) {
	s.once.Do(func() { s.options = strictly() })
	if json.Unmarshal(text, inc, s.options) == nil {
		return false, nil
	}
	*inc = incident.Incident{}
	return true, Decode(text, inc)
}

// strictly are the options that accept only what this build itself would write.
func strictly() json.Options {
	type progress incident.Progress // without the method that also reads earlier forms
	return json.JoinOptions(v1.DefaultOptionsV1(), json.RejectUnknownMembers(true), json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, p *incident.Progress) error { return json.UnmarshalDecode(d, (*progress)(p)) }),
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, rs *incident.StepRecords) error {
			var named map[string]*incident.StepRecord
			if err := json.UnmarshalDecode(d, &named); err != nil {
				return err
			}
			return rs.Load(named)
		}),
	)))
}

// Amended is the state to write for an incident that was read as was, a text with
// what this build does not know, and that is now what the text now says. It is
// empty when nothing has changed.
func Amended(was, now []byte) ([]byte, error) {
	var inc incident.Incident
	if err := Decode(was, &inc); err != nil {
		return nil, err
	}
	known, err := Encode(&inc)
	if err != nil || bytes.Equal(known, now) {
		return nil, err
	}
	more := beyond(was, known)
	if more != nil {
		delete(more.unknown, firstHealed)
		more.members["vars"].forget(func(name string) bool { return strings.HasPrefix(name, firstEnding) })
	}
	return more.into(now), nil
}

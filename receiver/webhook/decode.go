package webhook

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/alertmanager/template"

	"vigie/rules/model"
)

// errUnusual is what the reader below says of a body that it does not read; what
// that is, and whether it can be read all the same, encoding/json tells.
var errUnusual = errors.New("not in the form that Alertmanager writes")

// form reads a delivery in the form that Alertmanager writes, field by field and
// without reflection. What deviates from the form it leaves to encoding/json, so
// that it has no say in what is accepted and how a fault is worded.
type form struct {
	*jsontext.Decoder
	spare []byte       // for what has escapes
	last  [2]stringMap // labels and annotations of the alert before, most of which are those of the next one
}

type stringMap = map[string]string

func readForm(raw []byte) (e envelope, err error) {
	f := form{Decoder: jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))}
	err = f.object(func(name []byte) error {
		switch string(name) {
		case "alerts":
			if e.Alerts != nil {
				return errUnusual
			}
			e.Alerts, err = f.alerts()
			return err
		case "truncatedAlerts":
			if n, err := f.ReadValue(); err != nil || string(n) != "0" {
				return errUnusual
			}
			return nil
		}
		if folds(name, "alerts", "truncatedAlerts") {
			return errUnusual
		}
		return f.SkipValue()
	})
	if err != nil {
		return envelope{}, err
	}
	if _, err := f.ReadToken(); err != io.EOF {
		return envelope{}, errUnusual
	}
	return e, nil
}

// folds reports whether encoding/json would take a name for one of those.
func folds(name []byte, names ...string) bool {
	for _, n := range names {
		if len(name) >= len(n) && strings.EqualFold(string(name), n) {
			return true
		}
	}
	return false
}

// object reads an object and calls field for each name, which is to read the value.
func (f *form) object(field func(name []byte) error) error {
	if f.PeekKind() != '{' {
		return errUnusual
	}
	if _, err := f.ReadToken(); err != nil {
		return err
	}
	for f.PeekKind() == '"' {
		name, err := f.text()
		if err != nil {
			return err
		}
		if err := field(name); err != nil {
			return err
		}
	}
	_, err := f.ReadToken() // its end, or what is wrong
	return err
}

// text reads a string; it is valid until the next one is read.
func (f *form) text() ([]byte, error) {
	if f.PeekKind() != '"' {
		return nil, errUnusual
	}
	v, err := f.ReadValue()
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	f.spare, err = jsontext.AppendUnquote(f.spare[:0], v)
	return f.spare, err
}

func (f *form) alerts() (*[]template.Alert, error) {
	if f.PeekKind() != '[' {
		return nil, errUnusual
	}
	if _, err := f.ReadToken(); err != nil {
		return nil, err
	}
	all := []template.Alert{}
	for f.PeekKind() == '{' {
		a, err := f.alert()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if f.PeekKind() != ']' {
		return nil, errUnusual
	}
	_, err := f.ReadToken()
	return &all, err
}

func (f *form) alert() (a template.Alert, err error) {
	var seen uint
	once := func(field uint) error {
		if seen&(1<<field) != 0 {
			return errUnusual
		}
		seen |= 1 << field
		return nil
	}
	err = f.object(func(name []byte) error {
		switch string(name) {
		case "status":
			return errors.Join(once(0), f.word(&a.Status))
		case "labels":
			return errors.Join(once(1), f.pairs((*stringMap)(&a.Labels), 0))
		case "annotations":
			return errors.Join(once(2), f.pairs((*stringMap)(&a.Annotations), 1))
		case "startsAt":
			return errors.Join(once(3), f.instant(&a.StartsAt))
		case "endsAt":
			return errors.Join(once(4), f.instant(&a.EndsAt))
		case "generatorURL":
			return errors.Join(once(5), f.word(&a.GeneratorURL))
		case "fingerprint":
			return errors.Join(once(6), f.word(&a.Fingerprint))
		}
		if folds(name, "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint") {
			return errUnusual
		}
		return f.SkipValue()
	})
	return a, err
}

func (f *form) word(into *string) error {
	t, err := f.text()
	if err != nil {
		return err
	}
	switch string(t) {
	case "firing":
		*into = "firing"
	case "resolved":
		*into = "resolved"
	default:
		*into = string(t)
	}
	return nil
}

func (f *form) instant(into *time.Time) error {
	t, err := f.text()
	if err != nil {
		return err
	}
	return into.UnmarshalText(t)
}

// pairs reads labels or annotations. Names that agree with those of the alert
// before, and values, share their memory.
func (f *form) pairs(into *stringMap, which int) error {
	before := f.last[which]
	m := make(stringMap, max(len(before), 8))
	err := f.object(func(name []byte) error {
		known, same := before[string(name)]
		key := nameOf(name)
		value, err := f.text()
		if err != nil {
			return err
		}
		if same && known == string(value) {
			m[key] = known
		} else {
			m[key] = string(value)
		}
		return nil
	})
	*into, f.last[which] = m, m
	return err
}

// nameOf is a label's or an annotation's name; for those that the rules speak of
// without memory of its own.
func nameOf(name []byte) string {
	switch string(name) {
	case model.LabelAlertname:
		return model.LabelAlertname
	case model.LabelCustomer:
		return model.LabelCustomer
	case model.LabelMachine:
		return model.LabelMachine
	case model.LabelMachineClass:
		return model.LabelMachineClass
	case model.LabelBackupRole:
		return model.LabelBackupRole
	case model.LabelEngine:
		return model.LabelEngine
	case model.LabelPlan:
		return model.LabelPlan
	case model.LabelSource:
		return model.LabelSource
	case model.LabelJobID:
		return model.LabelJobID
	case model.LabelKind:
		return model.LabelKind
	case model.LabelSeverity:
		return model.LabelSeverity
	case model.LabelPlatform:
		return model.LabelPlatform
	case "summary":
		return "summary"
	case "description":
		return "description"
	case "runbook_url":
		return "runbook_url"
	}
	return string(name)
}

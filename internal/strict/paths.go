package strict

import (
	"encoding"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Shaped is implemented by types that read themselves and hold keys of their
// own: Shape is a value of a type with those keys, or a map from a key to a value
// of the type that stands below it.
type Shaped interface{ Shape() any }

// Paths are all keys that a file read into a value of the type may hold, such as
// mail.relay.port, without list indexes and with * for names of one's own choice.
// A type that stands within itself is listed once.
func Paths(t reflect.Type) []string {
	var w pathWalker
	w.walk(t, "")
	slices.Sort(w.found)
	return slices.Compact(w.found)
}

type pathWalker struct {
	found []string
	above []reflect.Type
}

func (w *pathWalker) walk(t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := reflect.New(t).Interface().(Shaped); ok {
		w.shape(s.Shape(), path)
		return
	}
	if t == timeType || readsItself(t) && t.Kind() != reflect.Slice || slices.Contains(w.above, t) {
		return
	}
	switch t.Kind() {
	case reflect.Slice:
		w.walk(t.Elem(), path)
	case reflect.Map:
		w.walk(t.Elem(), join(path, "*"))
	case reflect.Struct:
		w.above = append(w.above, t)
		w.structure(t, path)
		w.above = w.above[:len(w.above)-1]
	}
}

func (w *pathWalker) shape(v any, path string) {
	named, ok := v.(map[string]any)
	if !ok {
		w.walk(reflect.TypeOf(v), path)
		return
	}
	for key, below := range named {
		w.add(join(path, key), reflect.TypeOf(below))
	}
}

func (w *pathWalker) structure(t reflect.Type, path string) {
	for f := range t.Fields() {
		switch key := keyOf(f); {
		case key != "":
			w.add(join(path, key), f.Type)
		case f.Anonymous && f.Type != positionType, strings.Contains(f.Tag.Get("yaml"), ",inline"):
			w.walk(f.Type, path)
		}
	}
}

func (w *pathWalker) add(path string, t reflect.Type) {
	w.found = append(w.found, path)
	w.walk(t, path)
}

// readsItself reports whether a type reads its value in its own way, so that its
// fields are no keys.
func readsItself(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case Node, Scalar, yaml.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

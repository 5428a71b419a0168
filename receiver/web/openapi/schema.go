package openapi

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// schemas are the types of the answers, each told once.
type schemas struct {
	o    Options
	made object
	// names are the types by the name under which each is told.
	names map[string]string
	told  map[string]bool
}

// of is the schema of a value's type. What is sent may leave every field out:
// which are missing in which case is told by the answer.
func (s *schemas) of(value any, sent bool) object {
	if value == nil {
		return object{"type": "object"}
	}
	return s.schema(reflect.TypeOf(value), sent)
}

func (s *schemas) schema(t reflect.Type, sent bool) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if known := s.special(t); known != nil {
		return known
	}
	s.told[typeName(t)] = true
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		if values := s.o.Enums[typeName(t)]; values != nil {
			return object{"type": "string", "enum": values}
		}
		return object{"type": "string"}
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": s.schema(t.Elem(), sent)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.schema(t.Elem(), sent)}
	case reflect.Struct:
		return s.structure(t, sent)
	}
	return object{} // whatever comes
}

// special are types that write themselves.
func (s *schemas) special(t reflect.Type) object {
	p := reflect.PointerTo(t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return object{}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return object{"type": "string", "contentEncoding": "base64"}
	case p.Implements(reflect.TypeFor[json.Marshaler]()):
		return object{"type": []string{"string", "number", "object", "null"}}
	case p.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return object{"type": "string"}
	}
	return nil
}

// structure tells a struct under its name and points there.
func (s *schemas) structure(t reflect.Type, sent bool) object {
	if t.Name() == "" {
		return s.fields(t, sent)
	}
	name := s.name(t)
	if s.made[name] == nil {
		s.made[name] = object{} // it may contain itself
		s.made[name] = s.fields(t, sent)
	}
	return object{"$ref": "#/components/schemas/" + name}
}

// name is that of the type, with its package's where two are called alike.
func (s *schemas) name(t reflect.Type) string {
	short := upper(strings.TrimSuffix(t.Name(), "Data"))
	if s.names[short] == "" || s.names[short] == typeName(t) {
		s.names[short] = typeName(t)
		return short
	}
	long := upper(t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]) + short
	s.names[long] = typeName(t)
	return long
}

// typeName is a type as its package calls it.
func typeName(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

func (s *schemas) fields(t reflect.Type, sent bool) object {
	properties, required := object{}, []string{}
	s.collect(t, sent, properties, &required, true)
	out := object{"type": "object", "properties": properties}
	if text := s.o.Words[typeName(t)]; text != "" {
		out["description"] = text
	}
	if len(required) > 0 && !sent {
		slices.Sort(required)
		out["required"] = required
	}
	if sent {
		out["additionalProperties"] = false
	}
	return out
}

// collect gathers what encoding/json writes of a struct; always is whether the
// struct itself is always there.
func (s *schemas) collect(t reflect.Type, sent bool, into object, required *[]string, always bool) {
	s.told[typeName(t)] = true
	for f := range t.Fields() {
		tag, has := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct && s.special(inner) == nil {
				s.collect(inner, sent, into, required, always && f.Type.Kind() != reflect.Pointer)
				continue
			}
		}
		if !f.IsExported() || has && name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		one := s.schema(f.Type, sent)
		mayLack := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if f.Type.Kind() == reflect.Pointer && !mayLack {
			one = object{"anyOf": []any{one, object{"type": "null"}}}
		}
		if text := s.o.Words[typeName(t)+"."+f.Name]; text != "" {
			one = described(one, text)
		}
		into[name] = one
		*required = slices.DeleteFunc(*required, func(x string) bool { return x == name })
		if always && !mayLack {
			*required = append(*required, name)
		}
	}
}

// described says what a field means; beside a pointer to a type that is allowed.
func described(schema object, text string) object {
	out := object{"description": text}
	maps.Copy(out, schema)
	return out
}

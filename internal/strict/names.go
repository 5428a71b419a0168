package strict

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	"vigie/internal/phrase"
)

// keyOf returns a field's YAML key, or "" when it has none.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" || f.Type == positionType {
		return ""
	}
	return name
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != positionType {
			if inner, ok := fieldByKey(v.Field(i), key); ok {
				return inner, true
			}
		}
		if keyOf(f) == key && key != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != positionType {
			keys = append(keys, keysOf(f.Type)...)
		} else if k := keyOf(f); k != "" {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

// hint names the nearest known key, or all of them.
func hint(wrong string, known []string) string {
	if best := Nearest(wrong, known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known here are " + strings.Join(known, ", ")
}

// Nearest returns the known word that a misspelt one most likely means, or "".
func Nearest(wrong string, known []string) string {
	best, bestAt := "", 3
	for _, k := range known {
		if at := distance(strings.ToLower(wrong), strings.ToLower(k)); at < bestAt && at < len(k) {
			best, bestAt = k, at
		}
	}
	return best
}

// Unknown words the error for a name that refers to nothing.
func Unknown(kind, name string, known []string) string {
	return UnknownName(kind, name, known).String()
}

// UnknownName is Unknown with its parts named.
func UnknownName(kind, name string, known []string) phrase.Phrase {
	all := strings.Join(known, ", ")
	switch {
	case len(known) == 0:
		return phrase.Of("unknown {noun} {quoted}: none is defined here", "noun", kind, "quoted", name)
	case name == "":
		if strings.ContainsAny(kind[:1], "aeiou") {
			return phrase.Of("an {noun} is missing: name one of {known}", "noun", kind, "known", all)
		}
		return phrase.Of("a {noun} is missing: name one of {known}", "noun", kind, "known", all)
	}
	if near := Nearest(name, known); near != "" {
		return phrase.Of("unknown {noun} {quoted}: did you mean {near}?", "noun", kind, "quoted", name, "near", strconv.Quote(near))
	}
	return phrase.Of("unknown {noun} {quoted}: known are {known}", "noun", kind, "quoted", name, "known", all)
}

// distance is the number of letters to change, add or drop.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

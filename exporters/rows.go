package exporters

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Rows is a list in a product's answer. A value of another type than its place
// takes costs that value, a row that is none costs that row, and nothing beside.
type Rows[T any] struct {
	Items []T
	// Odd names the places of what could not be taken, such as progress.duration;
	// OddRow stands for a whole row.
	Odd []string
	// Lost counts the rows that are none.
	Lost int
	// Null tells that null stood where the list should, or something else that is
	// none; the latter is odd, too.
	Null bool

	nulls int // rows that are null
}

// OddRow is the place of a row that could not be read at all, and OddList that
// of something that is no list.
const (
	OddRow  = "row"
	OddList = "list"
)

// UnmarshalJSON reads a list; lists within it are read as if their rows stood in
// it.
func (r *Rows[T]) UnmarshalJSON(data []byte) error {
	*r = Rows[T]{}
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, []byte("null")) {
		r.Null = true
		return nil
	}
	if len(data) == 0 || data[0] != '[' {
		r.Null, r.Odd = true, []string{OddList}
		return nil
	}
	var items []T
	if first := bytes.TrimLeft(data[1:], " \t\r\n"); !bytes.HasPrefix(first, []byte("[")) && json.Unmarshal(data, &items) == nil && !anyZero(items) {
		r.Items = items
		return nil
	}
	return r.oneByOne(data)
}

// anyZero finds what null may have stood for.
func anyZero[T any](items []T) bool {
	for i := range items {
		if reflect.ValueOf(&items[i]).Elem().IsZero() {
			return true
		}
	}
	return false
}

// oneByOne reads each row by itself.
func (r *Rows[T]) oneByOne(data []byte) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(data, &elements); err != nil {
		return err
	}
	for _, e := range elements {
		if e[0] == '[' {
			if err := r.oneByOne(e); err != nil {
				return err
			}
			continue
		}
		var one T
		odd, err := Lenient(e, &one)
		if err != nil || e[0] != '{' {
			r.Lost++
			odd = []string{OddRow}
			if bytes.Equal(e, []byte("null")) {
				r.nulls++
			}
		} else {
			r.Items = append(r.Items, one)
		}
		r.note(odd)
	}
	return nil
}

// Count is how many rows came, readable or not.
func (r *Rows[T]) Count() int { return len(r.Items) + r.Lost }

// NoList tells that something else stood in its place.
func (r *Rows[T]) NoList() bool { return r.Null && len(r.Odd) > 0 }

// Unreadable tells that of all rows of a list that has total none could be read:
// then it is not what was asked for. Rows that are null say nothing of that.
func (r *Rows[T]) Unreadable(total Number) bool {
	return r.Lost > r.nulls && len(r.Items) == 0 && total.Int() <= r.Count()
}

func (r *Rows[T]) note(odd []string) {
	for _, place := range odd {
		if !slices.Contains(r.Odd, place) {
			r.Odd = append(r.Odd, place)
		}
	}
}

// Lenient reads JSON into out and leaves out what is of another type than its
// place takes: those places are given. What is no JSON is an error.
func Lenient(data []byte, out any) (odd []string, err error) {
	err = json.Unmarshal(data, out)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		// The decoder goes on behind it, and tells the first alone.
		return []string{wrong.Field}, nil
	}
	return nil, err
}

// Oddities notes what in a product's answers could not be taken: each place
// once, over all readings.
type Oddities struct {
	mu    sync.Mutex
	known map[string]bool
	fresh []string
}

// maxOddities bounds what is remembered.
const maxOddities = 1000

// Note takes up the odd places of an endpoint's answer.
func (o *Oddities) Note(endpoint string, places ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, place := range places {
		key := strings.Trim(endpoint+"."+place, ".")
		if o.known[key] || len(o.known) >= maxOddities {
			continue
		}
		if o.known == nil {
			o.known = map[string]bool{}
		}
		o.known[key] = true
		o.fresh = append(o.fresh, key)
	}
}

// Tell counts in the snapshot what was noted since the last time.
func (o *Oddities) Tell(out *Snapshot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range o.fresh {
		out.CountUnknown(key)
	}
	o.fresh = nil
}

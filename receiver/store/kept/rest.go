package kept

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"

	fast "github.com/go-json-experiment/json"
	v1 "github.com/go-json-experiment/json/v1"
)

// Over is the text to write for a value in place of the text of an earlier state of
// it, with what of that this build does not know. What cannot be read is replaced.
func Over[T any](was []byte, now T) ([]byte, error) {
	text, err := v1.Marshal(now)
	if err != nil || len(was) == 0 {
		return text, err
	}
	var before T
	if fast.Unmarshal(was, &before, v1.DefaultOptionsV1(), fast.RejectUnknownMembers(true)) == nil {
		return text, nil
	}
	var lenient T
	if v1.Unmarshal(was, &lenient) != nil {
		return text, nil
	}
	known, err := v1.Marshal(lenient)
	if err != nil {
		return nil, err
	}
	return beyond(was, known).into(text), nil
}

// rest is what a JSON value holds beyond what this build reads of it; nil for nothing.
type rest struct {
	unknown map[string]json.RawMessage // members of an object
	members map[string]*rest           // of members that are known
	// Elements of an array, which had so many.
	elements []element
	length   int
}

// element is one of an array, by its place and by what is known of it.
type element struct {
	at    int
	known string
	more  *rest
}

// beyond compares a text with what this build writes of it after reading it.
func beyond(was, known json.RawMessage) *rest {
	r := &rest{unknown: map[string]json.RawMessage{}, members: map[string]*rest{}}
	switch first(was) + first(known) {
	case "{{":
		theirs, ours := object(was), object(known)
		for name, value := range theirs {
			if own, is := member(ours, name); !is {
				r.unknown[name] = value
			} else if more := beyond(value, ours[own]); more != nil {
				r.members[own] = more
			}
		}
	case "[[":
		theirs, ours := array(was), array(known)
		if r.length = len(ours); len(theirs) != len(ours) {
			return nil
		}
		for i := range ours {
			if more := beyond(theirs[i], ours[i]); more != nil {
				r.elements = append(r.elements, element{i, string(ours[i]), more})
			}
		}
	}
	if len(r.unknown)+len(r.members)+len(r.elements) == 0 {
		return nil
	}
	return r
}

// into adds the rest to what the value is now. Of what is gone nothing is added; an
// element of an array is found by what is known of it, or else, if it is alike, by its place.
func (r *rest) into(now json.RawMessage) json.RawMessage {
	switch {
	case r == nil:
		return now
	case first(now) == "{":
		ours := object(now)
		for name, value := range r.unknown {
			if _, is := member(ours, name); !is {
				ours[name] = value
			}
		}
		for name, more := range r.members {
			if value, is := ours[name]; is {
				ours[name] = more.into(value)
			}
		}
		return written(ours)
	case first(now) == "[":
		ours := array(now)
		added := map[int]bool{}
		for _, e := range r.elements {
			if i := e.place(ours, r.length, added); i >= 0 {
				added[i], ours[i] = true, e.more.into(ours[i])
			}
		}
		return written(ours)
	}
	return now
}

// place finds an element among those of now; -1 when it is gone.
func (e element) place(now []json.RawMessage, before int, taken map[int]bool) int {
	for i, value := range now {
		if !taken[i] && string(value) == e.known {
			return i
		}
	}
	if len(now) >= before && !taken[e.at] && alike(json.RawMessage(e.known), now[e.at]) {
		return e.at
	}
	return -1
}

// alike reports whether an object may be what another has become: half of its members
// are the same.
func alike(was, now json.RawMessage) bool {
	before, after, same := object(was), object(now), 0
	for name, value := range before {
		if bytes.Equal(after[name], value) {
			same++
		}
	}
	return same > 0 && 2*same >= len(before)
}

// forget drops unknown members.
func (r *rest) forget(such func(name string) bool) {
	if r != nil {
		maps.DeleteFunc(r.unknown, func(name string, _ json.RawMessage) bool { return such(name) })
	}
}

// member finds the name under which an object has a member: readers do not
// distinguish capitals.
func member(of map[string]json.RawMessage, name string) (string, bool) {
	if _, is := of[name]; is {
		return name, true
	}
	for own := range of {
		if strings.EqualFold(own, name) {
			return own, true
		}
	}
	return "", false
}

func first(text json.RawMessage) string {
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) == 0 {
		return ""
	}
	return string(text[:1])
}

// These take apart, and put together, what was read as JSON before.
func object(text json.RawMessage) (members map[string]json.RawMessage) {
	_ = json.Unmarshal(text, &members)
	return members
}

func array(text json.RawMessage) (elements []json.RawMessage) {
	_ = json.Unmarshal(text, &elements)
	return elements
}

func written(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value)
	return bytes.TrimSpace(b.Bytes())
}

package incident

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// StepKey names one occurrence of a step: its identity within the incident.
type StepKey struct {
	Episode  int
	Step     string
	Platform string // of a step that is told platform by platform
	// Occurrence tells the occurrences of a step apart that can come more than
	// once in an episode; Repeat is 0 for the first time, and 2 for the first repetition.
	Occurrence string
	Repeat     int
	// Dropped is set for a drop that counts for one trigger only: its place
	// among the step's triggers, from 1.
	Dropped int
}

// String is the key as it stands in databases, in the API and in the identities of
// notifications: episode/step@platform/occurrence#repeat~trigger.
func (k StepKey) String() string {
	text := strconv.Itoa(k.Episode) + "/" + k.Step
	if k.Platform != "" {
		text += "@" + k.Platform
	}
	if o := k.OccurrenceText(); o != "" {
		text += "/" + o
	}
	if k.Dropped > 0 {
		text += "~" + strconv.Itoa(k.Dropped-1)
	}
	return text
}

// OccurrenceText is the name of the occurrence with its repetition.
func (k StepKey) OccurrenceText() string {
	if k.Repeat > 1 {
		return k.Occurrence + "#" + strconv.Itoa(k.Repeat)
	}
	return k.Occurrence
}

// MarshalText writes the key as [StepKey.String].
func (k StepKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// DroppedBy is the key of a drop for one trigger: an `unless` that stopped the
// safety net must not stop a person's later wish.
func (k StepKey) DroppedBy(trigger int) StepKey {
	k.Dropped = trigger + 1
	return k
}

// StepRecords are what became of the steps, by occurrence.
type StepRecords map[StepKey]*StepRecord

// UnmarshalJSON reads the keys with the help of what they lead to, so that no
// name can be mistaken for a separator.
func (rs *StepRecords) UnmarshalJSON(text []byte) error {
	var read map[string]*StepRecord
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	return rs.Load(read)
}

// Load takes over records by the names of their keys.
func (rs *StepRecords) Load(read map[string]*StepRecord) error {
	*rs = make(StepRecords, len(read))
	for name, r := range read {
		if r == nil {
			return fmt.Errorf("steps: %q is empty", name)
		}
		k, err := r.key(name)
		if err != nil {
			return err
		}
		(*rs)[k] = r
	}
	return nil
}

// key is the key of a record that is stored under a name.
func (r *StepRecord) key(name string) (StepKey, error) {
	k := StepKey{Episode: r.Episode, Step: r.Step, Occurrence: r.Occurrence}
	rest, ok := strings.CutPrefix(name, strconv.Itoa(k.Episode)+"/"+k.Step)
	if !ok {
		return k, fmt.Errorf("steps: %q is no occurrence of step %q in episode %d", name, r.Step, r.Episode)
	}
	if r.Occurrence != "" {
		i := strings.LastIndex(rest, "/"+r.Occurrence)
		if i < 0 {
			return k, fmt.Errorf("steps: %q is not the occurrence %q", name, r.Occurrence)
		}
		rest = rest[:i] + rest[i+1+len(r.Occurrence):]
	}
	if i := strings.LastIndexByte(rest, '~'); i >= 0 {
		if n, err := strconv.Atoi(rest[i+1:]); err == nil && n >= 0 {
			k.Dropped, rest = n+1, rest[:i]
		}
	}
	k.Platform = strings.TrimPrefix(rest, "@")
	if i := strings.LastIndexByte(k.Occurrence, '#'); i >= 0 {
		if n, err := strconv.Atoi(k.Occurrence[i+1:]); err == nil && n > 1 {
			k.Occurrence, k.Repeat = k.Occurrence[:i], n
		}
	}
	return k, nil
}

// Sorted returns the keys in the order of their names.
func (rs StepRecords) Sorted() []StepKey {
	return rs.Which(func(*StepRecord) bool { return true })
}

// Which returns the keys of such records, in the order of their names.
func (rs StepRecords) Which(such func(*StepRecord) bool) []StepKey {
	type named struct {
		name string
		key  StepKey
	}
	var found []named
	for k, r := range rs {
		if such(r) {
			found = append(found, named{k.String(), k})
		}
	}
	slices.SortFunc(found, func(a, b named) int { return strings.Compare(a.name, b.name) })
	keys := make([]StepKey, len(found))
	for i, n := range found {
		keys[i] = n.key
	}
	return keys
}

// Package history is what a soak writes down while it plays faults, and the
// judgement of it afterwards. It knows nothing of the receiver's code: only what
// was answered to those who delivered, what arrived in mailboxes, and what the
// receiver says in the end that it keeps.
package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// What an event is.
const (
	Accepted = "accepted" // a delivery about a machine was answered with 2xx
	Refused  = "refused"  // it was not
	Acted    = "acted"    // a person's escalation about a machine was answered with 2xx
	Mail     = "mail"     // a message arrived at the last server
	Fault    = "fault"    // something was broken or mended
	Kept     = "kept"     // in the end an incident of this machine is kept
)

// Event is one line of a history.
type Event struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Machine string    `json:"machine,omitempty"`
	// Of a mail: its step, Message-ID, recipient, a hash of its text, and the
	// machines that it names.
	Step     string   `json:"step,omitempty"`
	Message  string   `json:"message,omitempty"`
	To       string   `json:"to,omitempty"`
	Text     string   `json:"text,omitempty"`
	Machines []string `json:"machines,omitempty"`
	// Of a fault: what it is, and whether it can part a mail from its record.
	Name  string `json:"name,omitempty"`
	Parts bool   `json:"parts,omitempty"`
}

// Writer writes a history. Its methods may be called from several goroutines.
type Writer struct {
	mu  sync.Mutex
	out *json.Encoder
	err error
}

// NewWriter returns a writer of lines.
func NewWriter(w io.Writer) *Writer { return &Writer{out: json.NewEncoder(w)} }

// Put adds an event.
func (w *Writer) Put(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if err := w.out.Encode(e); err != nil && w.err == nil {
		w.err = err
	}
}

// Err returns the first error.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Rules say what a history must show beyond what holds for every one.
type Rules struct {
	// Opening is the step that tells of a new incident, and To whom.
	Opening string
	OpenTo  []string
	// Escalated is the step that an act brings about, and to whom.
	Escalated string
	ActTo     []string
	// AtOnce is how many mails one fault can part from their record.
	AtOnce int
}

// Verdict is what a history comes to.
type Verdict struct {
	Accepted, Refused, Acted, Machines, Messages, Mails, Doubles, Faults, Parting int
	// Broken names every promise that was not kept.
	Broken []string
}

// Check reads a history whole and judges it.
func Check(r io.Reader, rules Rules) (Verdict, error) {
	c := checker{rules: rules, accepted: map[string]bool{}, acted: map[string]bool{}, kept: map[string]int{},
		copies: map[copyOf]int{}, texts: map[string]string{}, tells: map[tale]map[string]bool{}, first: map[tale]time.Time{}}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 16<<20)
	for n := 1; s.Scan(); n++ {
		var e Event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			return c.v, fmt.Errorf("history, line %d: %w", n, err)
		}
		c.observe(e)
	}
	if err := s.Err(); err != nil {
		return c.v, fmt.Errorf("history: %w", err)
	}
	c.judge()
	return c.v, nil
}

// tale is a machine told to somebody by a step; copyOf is one message on its
// way to one recipient.
type (
	tale   struct{ machine, step, to string }
	copyOf struct{ message, to string }
)

type checker struct {
	rules    Rules
	v        Verdict
	accepted map[string]bool
	acted    map[string]bool
	kept     map[string]int
	copies   map[copyOf]int
	texts    map[string]string        // by message and recipient
	tells    map[tale]map[string]bool // the messages that tell it
	first    map[tale]time.Time
}

func (c *checker) breaks(format string, args ...any) {
	c.v.Broken = append(c.v.Broken, fmt.Sprintf(format, args...))
}

func (c *checker) observe(e Event) {
	switch e.What {
	case Accepted:
		c.v.Accepted++
		c.accepted[e.Machine] = true
	case Refused:
		c.v.Refused++
	case Acted:
		c.v.Acted++
		c.acted[e.Machine] = true
	case Kept:
		c.kept[e.Machine]++
	case Fault:
		c.v.Faults++
		if e.Parts {
			c.v.Parting++
		}
	case Mail:
		c.mail(e)
	default:
		c.breaks("an event of an unknown kind: %q", e.What)
	}
}

func (c *checker) mail(e Event) {
	c.v.Mails++
	k := copyOf{e.Message, e.To}
	if c.copies[k]++; c.copies[k] > 1 {
		c.v.Doubles++
		if c.texts[e.Message+e.To] != e.Text {
			c.breaks("message %s came to %s with two texts", e.Message, e.To)
		}
	}
	c.texts[e.Message+e.To] = e.Text
	for _, m := range e.Machines {
		t := tale{m, e.Step, e.To}
		if c.tells[t] == nil {
			c.tells[t] = map[string]bool{}
			c.first[t] = e.At
		}
		c.tells[t][e.Message] = true
		c.kept[m] += 0 // what is told of must be kept
	}
}

// judge holds the promises against what was seen.
func (c *checker) judge() {
	c.v.Machines = len(c.kept)
	messages := map[string]bool{}
	for k := range c.copies {
		messages[k.message] = true
	}
	c.v.Messages = len(messages)
	for _, m := range slices.Sorted(maps.Keys(c.accepted)) {
		if c.kept[m] == 0 {
			c.breaks("D1: %s was accepted and is lost", m)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(c.kept)) {
		if c.kept[m] > 1 {
			c.breaks("D4: %s is kept %d times", m, c.kept[m])
		}
		if c.kept[m] == 0 {
			c.breaks("D4: mail tells of %s, which is not kept", m)
		}
		for _, to := range c.rules.OpenTo {
			c.once(tale{m, c.rules.Opening, to}, "D2")
		}
	}
	for _, m := range slices.Sorted(maps.Keys(c.acted)) {
		for _, to := range c.rules.ActTo {
			t := tale{m, c.rules.Escalated, to}
			c.once(t, "D5")
			opened, told := c.first[tale{m, c.rules.Opening, to}]
			if escalated := c.first[t]; told && !escalated.IsZero() && escalated.Before(opened) {
				c.breaks("D5: %s reads of the escalation of %s before its opening", to, m)
			}
		}
	}
	if most := c.v.Parting * c.rules.AtOnce; c.v.Doubles > most {
		c.breaks("D2: %d doubles, %d faults can have made at most %d", c.v.Doubles, c.v.Parting, most)
	}
}

// once checks that something was told, and by one message however often it came.
func (c *checker) once(t tale, promise string) {
	if n := len(c.tells[t]); n != 1 {
		c.breaks("%s: %d messages tell %s of %s (%s), want 1", promise, n, t.to, t.machine, t.step)
	}
}

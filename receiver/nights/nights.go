// Package nights tells how each machine's backups went, a cell a day, from what
// the rules recorded in Prometheus. What was not recorded is unknown, never good.
package nights

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/receiver/evidence"
)

// Outcome is what a cell says.
type Outcome string

// The outcomes, the worst first.
const (
	Failure Outcome = "failure"
	Nothing Outcome = "nothing" // none came although one was due
	Unknown Outcome = "unknown" // nobody recorded it, or could read it
	Warning Outcome = "warning"
	Success Outcome = "success"
	Excused Outcome = "excused" // none was owed: absence, maintenance, switched off
)

// rank is 0 for the worst.
func (o Outcome) rank() int {
	return slices.Index([]Outcome{Failure, Nothing, Unknown, Warning, Success, Excused}, o)
}

// judge turns a recorded state into an outcome.
func judge(state string, excused bool) Outcome {
	switch state {
	case "ok":
		return Success
	case "warning":
		return Warning
	case "failed":
		return Failure
	case "disabled":
		return Excused
	}
	switch {
	case excused:
		return Excused
	case state == "late" || state == "never" || state == "vanished":
		return Nothing
	}
	return Unknown
}

// Day is one column: a date, and the instant at which it is judged.
type Day struct {
	Date string    `json:"date"` // 2026-03-10
	At   time.Time `json:"judged_at"`
}

// Days are the latest n days in a zone, today last. A day is judged at its end,
// today now.
func Days(now time.Time, zone *time.Location, n int) []Day {
	now = now.In(zone).Truncate(time.Second)
	y, m, d := now.Date()
	out := make([]Day, 0, n)
	for i := n - 1; i >= 0; i-- {
		at := time.Date(y, m, d-i+1, 0, 0, 0, 0, zone)
		if i == 0 {
			at = now
		}
		out = append(out, Day{Date: time.Date(y, m, d-i, 12, 0, 0, 0, zone).Format(time.DateOnly), At: at})
	}
	return out
}

// Machine is a row.
type Machine struct {
	Customer, Name string
	Names          []string // in the products, its own among them
	Roles          []string // that are expected; others are shown where they are found
	// Excused tells whether none was owed at an instant.
	Excused func(time.Time) bool
}

// Strip is a machine's days in one role, as many as there are days.
type Strip struct {
	Role  string    `json:"backup_role,omitempty"`
	Cells []Outcome `json:"days"`
}

// Keeper asks Prometheus, and remembers for a minute what it said.
type Keeper struct {
	// Prometheus is asked; nil for none.
	Prometheus func() *evidence.Client
	// Exporters explain failures in words.
	Exporters func() []evidence.Exporter

	mu   sync.Mutex
	kept map[string]kept
	// impatient makes silent what does not answer, see [Keeper.ForOneTurn].
	impatient, silent bool
}

// ForOneTurn asks as k does, for one turn of many questions: once Prometheus does not
// answer even the simplest of all, the others are not waited for.
func (k *Keeper) ForOneTurn() *Keeper {
	return &Keeper{Prometheus: k.Prometheus, Exporters: k.Exporters, impatient: true}
}

// kept is a remembered answer.
type kept struct {
	at       time.Time
	states   []evidence.State
	reported map[string][]string
	jobs     []evidence.Job
}

const (
	askWithin = 5 * time.Second
	keptFor   = time.Minute
	maxKept   = 64
)

// What is said without asking.
var (
	errNone   = errors.New("no Prometheus is configured")
	errSilent = errors.New("a moment ago Prometheus did not answer")
)

// Reported are the machines that are backed up now by what the rules record, by
// customer.
func (k *Keeper) Reported(ctx context.Context, now time.Time) (map[string][]string, error) {
	x, err := k.once(ctx, "reported", now, func(ctx context.Context, c *evidence.Client) (x kept, err error) {
		x.reported, err = c.Reported(ctx, now)
		return x, err
	})
	return x.reported, err
}

// Strips are the machines' days, in their order. With an error all of them are
// unknown.
func (k *Keeper) Strips(ctx context.Context, of []Machine, days []Day, now time.Time) ([][]Strip, error) {
	var names []evidence.Names
	var key strings.Builder
	key.WriteString(days[0].Date + " " + days[len(days)-1].Date)
	for _, m := range of {
		names = append(names, evidence.Names{Customer: m.Customer, Machine: m.Names})
		key.WriteString("\x00" + m.Customer + "\x01" + strings.Join(m.Names, "\x01"))
	}
	var at []time.Time
	for _, d := range days {
		at = append(at, d.At)
	}
	x, err := k.once(ctx, key.String(), now, func(ctx context.Context, c *evidence.Client) (x kept, err error) {
		x.states, err = c.States(ctx, names, at)
		return x, err
	})
	if last := len(days) - 1; err == nil && last >= 0 && !days[last].At.Before(x.at) { // what is remembered was judged a little earlier
		days = slices.Clone(days)
		days[len(days)-1].At = x.at.In(days[0].At.Location()).Truncate(time.Second)
	}
	out := make([][]Strip, len(of))
	where := map[[2]string][]evidence.State{}
	for _, s := range x.states {
		id := [2]string{s.Customer, strings.ToLower(s.Machine)}
		where[id] = append(where[id], s)
	}
	for i, m := range of {
		var found []evidence.State
		for _, n := range m.Names {
			found = append(found, where[[2]string{m.Customer, strings.ToLower(n)}]...)
		}
		out[i] = strips(m, found, days)
	}
	return out, err
}

// strips sorts what was found of one machine into its days.
func strips(m Machine, found []evidence.State, days []Day) []Strip {
	roles := slices.Clone(m.Roles)
	for _, s := range found {
		roles = append(roles, s.Role)
	}
	slices.SortFunc(roles, func(a, b string) int { return strings.Compare(b, a) }) // primary before local
	roles = slices.Compact(roles)
	if len(roles) == 0 {
		roles = []string{""}
	}
	out := make([]Strip, len(roles))
	for i, role := range roles {
		out[i] = Strip{Role: role, Cells: make([]Outcome, len(days))}
		for d, day := range days {
			cell := judge("", m.Excused(day.At))
			first := true
			for _, s := range found {
				if s.Role != role || !s.At.Equal(day.At) {
					continue
				}
				if o := judge(s.State, m.Excused(day.At)); first || o.rank() < cell.rank() {
					cell, first = o, false
				}
			}
			out[i].Cells[d] = cell
		}
	}
	return out
}

// once asks, unless the same was asked a moment ago.
func (k *Keeper) once(ctx context.Context, key string, now time.Time, ask func(context.Context, *evidence.Client) (kept, error)) (kept, error) {
	k.mu.Lock()
	x, known := k.kept[key]
	silent := k.silent
	k.mu.Unlock()
	if age := now.Sub(x.at); known && age >= 0 && age < keptFor {
		return x, nil
	}
	c := k.Prometheus()
	switch {
	case c == nil:
		return kept{}, errNone
	case silent:
		return kept{}, errSilent
	}
	within, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	x, err := ask(within, c)
	if err != nil {
		k.despair(ctx, c, now)
		return kept{}, err
	}
	x.at = now
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || len(k.kept) >= maxKept {
		k.kept = map[string]kept{}
	}
	k.kept[key] = x
	return x, nil
}

// despair finds out, after a question without an answer, whether Prometheus answers any.
func (k *Keeper) despair(ctx context.Context, c *evidence.Client, now time.Time) {
	if !k.impatient {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	silent := !c.Answers(ctx, now)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.silent = silent
}

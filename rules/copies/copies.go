// Package copies says how many copies of a machine's data there are, where they lie,
// and which of them are proven good. The data on the machine itself is not counted.
package copies

import (
	"fmt"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/rules/inventory"
)

// Job is a job of a product, with what the rules recorded of it.
type Job struct {
	Role, Engine, Plan string
	State              string // ok, warning, failed, late, never, vanished, disabled, unknown
}

// Proof is whether a copy is proven good.
type Proof string

// The proofs. What nobody could see is not known, and is not counted as good.
const (
	Good    Proof = "good"
	Bad     Proof = "not_good"
	Unknown Proof = "unknown"
)

// Counts are how many copies there are, on how many media, and how many of them are
// said to be away from the machine's site, and immutable; beside each, of how many
// copies nobody says it.
type Counts struct {
	Copies          int `json:"copies"`
	Media           int `json:"media"`
	MediumUntold    int `json:"medium_not_told"`
	Offsite         int `json:"offsite"`
	OffsiteUntold   int `json:"offsite_not_told"`
	Immutable       int `json:"immutable"`
	ImmutableUntold int `json:"immutable_not_told"`
}

// Copy is one copy of a machine's data.
type Copy struct {
	fleet.Place
	Plans []string `json:"plans"`
	Role  string   `json:"backup_role"` // of the first of them, or its kind
	Proof Proof    `json:"proof"`
}

// Copies are those that the inventory expects of a machine, beside what is known of
// them.
type Copies struct {
	Expected Counts `json:"expected"`
	Good     Counts `json:"good"`
	Unknown  int    `json:"unknown"` // copies of which nobody can say whether they are good
	Each     []Copy `json:"each"`
}

// Single says that of the copies that the inventory expects one alone is left, or
// none: one that is known not to be good is not counted.
func (c Copies) Single() bool { return c.Expected.Copies > 0 && c.left().Copies <= 1 }

// NoOffsite says that there are copies, and of none that is left is said that it lies
// elsewhere.
func (c Copies) NoOffsite() bool { return c.Expected.Copies > 0 && c.left().Offsite == 0 }

// left are the copies that are good, or may be.
func (c Copies) left() Counts {
	return count(slices.DeleteFunc(slices.Clone(c.Each), func(x Copy) bool { return x.Proof == Bad }))
}

// Exposed says that one fire, or one bad disk, may take the machine and all copies.
func (c Copies) Exposed() bool { return c.Single() || c.NoOffsite() }

// Machine is a machine with its copies.
type Machine struct {
	Machine string `json:"machine"`
	Class   string `json:"machine_class,omitempty"`
	Copies
}

// Of puts what is recorded of a machine's jobs beside the copies that the inventory
// expects. Without jobs nothing is known of them.
func Of(m *inventory.Machine, jobs []Job) Copies {
	out := Copies{Each: []Copy{}}
	states := statesOf(m.Sold, jobs)
	var good []Copy
	for _, x := range m.Copies {
		c := Copy{Place: x.Place, Role: m.Sold[x.Plans[0]].Told(), Proof: Good}
		for _, at := range x.Plans {
			c.Plans = append(c.Plans, m.Sold[at].Plan)
			c.Proof = worse(c.Proof, proof(states[at]))
		}
		out.Each = append(out.Each, c)
		switch c.Proof {
		case Good:
			good = append(good, c)
		case Unknown:
			out.Unknown++
		}
	}
	out.Expected, out.Good = count(out.Each), count(good)
	return out
}

// statesOf are the states of each plan's jobs: of those that are called after it, or
// where there is none of those that can only be its own.
func statesOf(plans []fleet.Plan, jobs []Job) [][]string {
	named, others := make([][]string, len(plans)), make([][]string, len(plans))
	for _, j := range jobs {
		at, called := fleet.PlanOf(plans, j.Role, j.Engine, j.Plan)
		switch {
		case called:
			named[at] = append(named[at], j.State)
		case at >= 0:
			others[at] = append(others[at], j.State)
		}
	}
	for i := range named {
		if len(named[i]) == 0 {
			named[i] = others[i]
		}
	}
	return named
}

// proof is that of a plan by the states of its jobs: the last success of each must not
// be overdue. One that is switched off counts only where there is no other.
func proof(states []string) Proof {
	if rest := slices.DeleteFunc(slices.Clone(states), func(s string) bool { return s == "disabled" }); len(rest) > 0 {
		states = rest
	}
	if len(states) == 0 {
		return Unknown
	}
	out := Good
	for _, s := range states {
		switch s {
		case "ok", "warning":
		case "unknown", "":
			out = worse(out, Unknown)
		default:
			out = Bad
		}
	}
	return out
}

func worse(a, b Proof) Proof {
	order := []Proof{Good, Unknown, Bad}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

func count(all []Copy) Counts {
	n := Counts{Copies: len(all)}
	media := map[fleet.Medium]bool{}
	for _, c := range all {
		if media[c.Medium] = true; c.Medium == "" {
			n.MediumUntold++
		}
		tally(c.Offsite, &n.Offsite, &n.OffsiteUntold)
		tally(c.Immutable, &n.Immutable, &n.ImmutableUntold)
	}
	delete(media, "")
	n.Media = len(media)
	return n
}

func tally(a fleet.Answer, yes, untold *int) {
	switch a {
	case fleet.Yes:
		*yes++
	case "":
		*untold++
	}
}

// Summary says what the inventory says of copies; "" where it expects none.
func Summary(dir *inventory.Directory, now time.Time) string {
	machines, single, noOffsite, all, untold := 0, 0, 0, 0, 0
	for _, m := range dir.Machines {
		if len(m.Copies) == 0 || !dir.Owes(m, now) {
			continue
		}
		machines++
		c := Of(m, nil)
		if c.Single() {
			single++
		}
		if c.NoOffsite() {
			noOffsite++
		}
		for _, x := range c.Each {
			if all++; x.Medium == "" || x.Offsite == "" || x.Immutable == "" {
				untold++
			}
		}
	}
	if machines == 0 {
		return ""
	}
	return fmt.Sprintf("copies that the inventory expects: %d machines have some, %d of them one alone, %d none said to be off-site; of %d of %d copies it does not say medium, offsite and immutable",
		machines, single, noOffsite, untold, all)
}

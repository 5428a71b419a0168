package exporters

import "time"

// View is everything a source currently stands for. It is immutable once
// published.
type View struct {
	Source string
	Engine string

	Up          bool      // the last refresh was complete
	LastRefresh time.Time // the last complete refresh, zero if never
	Duration    time.Duration
	Problem     string // of the last refresh, for people

	Jobs         []Job      // sorted by customer, id
	Vanished     []Vanished // sorted by customer, id
	Agents       []Agent
	Repositories []Repository
	Quotas       []Quota
	Licenses     []License
	Endpoints    []Endpoint
	ClockSkew    *time.Duration
	Inbox        *Inbox

	Errors        map[Reason]int
	UnknownValues map[string]int

	// The inventory's own view has nothing but these; see [Inventory.Assess].
	inventory bool
	expected  []expectedMachine
	unmatched []unmatchedSource

	status []segment // by index in families(); empty for the others
	cells  []cell
}

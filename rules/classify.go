package rules

import "time"

// Classified is what a signal is: which scenario, which incident.
type Classified struct {
	Signal   Signal // with canonical names
	Policy   *Policy
	Scenario *Scenario
	Identity Labels
	Key      string
	// Ignored says why no incident follows: "decommissioned", "maintenance",
	// "watchdog"; empty otherwise.
	Ignored string
	// Issues are faults of the data, to be counted: machine_class_missing,
	// unmatched_machine ...
	Issues []string
	// Refusal is set for a report that may not be made (S2.15).
	Refusal *Refusal
}

// Classify finds a signal's scenario and key in the policy in force.
func (b *Book) Classify(s Signal, now time.Time) Classified { return Classified{} }

// Choose finds the incident that a signal belongs to among candidates (those
// of its key, machine or platform, ended ones included); -1 opens a new one.
func (b *Book) Choose(c Classified, candidates []Incident, now time.Time) int { return -1 }

// Begin returns the blank incident for a signal; Decide with [Fired] opens it.
func (b *Book) Begin(c Classified, id string, number int, now time.Time) Incident { return Incident{} }

// Correlated is a failure common to several incidents.
type Correlated struct {
	Signal  Signal   // raises or keeps alive the common incident
	Members []string // keys of the incidents that are part of it
	Marks   bool
}

// Correlate looks over the incidents that are open or were opened lately and
// returns every common failure that holds now.
func (b *Book) Correlate(open []Incident, now time.Time) []Correlated { return nil }

// Step or target of an explanation.
type Explained struct {
	Name   string    `json:"name"`
	Kind   string    `json:"kind"` // step or target
	Status string    `json:"status"`
	At     time.Time `json:"at,omitzero"`
	Due    time.Time `json:"due,omitzero"`
	Reason string    `json:"reason"`
	To     []string  `json:"to,omitempty"`
	Cc     []string  `json:"cc,omitempty"`
}

// Explanation tells why each step was or was not taken and what comes next.
type Explanation struct {
	Incident string      `json:"incident"`
	Key      string      `json:"key"`
	Scenario string      `json:"scenario"`
	Policy   string      `json:"policy"`
	State    State       `json:"state"`
	Summary  string      `json:"summary"`
	Steps    []Explained `json:"steps"`
	Targets  []Explained `json:"targets"`
	Evidence Evidence    `json:"evidence"`
}

// Explain tells the story of an incident so far and what comes next.
func (b *Book) Explain(inc Incident, facts Facts, now time.Time) Explanation { return Explanation{} }

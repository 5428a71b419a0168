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
	// PollInterval is from the start of one refresh to that of the next.
	PollInterval time.Duration
	Problem      string // of the last refresh, for people

	Jobs         []*Job     // sorted by customer, id; a job that changed is another one
	Vanished     []Vanished // sorted by customer, id
	Agents       []Agent
	Repositories []Repository
	Quotas       []Quota
	Licenses     []License
	Endpoints    []Endpoint
	Unmatched    []Unmatched
	ClockSkew    *time.Duration
	// CertificateEnds and CredentialEnds are when the way into the source ends:
	// zero where nobody tells.
	CertificateEnds, CredentialEnds time.Time
	Inbox                           *Inbox

	Errors        map[Reason]int
	UnknownValues map[string]int

	// Rendered is what PollerOptions.Render made of the view; nil without it.
	Rendered any
}

package exporters

import (
	"slices"
	"time"
)

// Result is the outcome of one backup run. The numbers are the values of
// backup_job_last_result and never change their meaning.
type Result uint8

// The outcomes a run can have.
const (
	Unknown   Result = iota // the product said something this program does not know
	Success                 // everything was saved
	Warning                 // saved, with remarks
	Failed                  // not saved, or not completely
	Cancelled               // ended by a person or by a closed backup window
	Missed                  // should have started and did not
)

// String gives the lower-case English word used by the JSON interface.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case Warning:
		return "warning"
	case Failed:
		return "failed"
	case Cancelled:
		return "cancelled"
	case Missed:
		return "missed"
	default:
		return "unknown"
	}
}

// Worse tells whether the result is more to be feared than another. Of two of one
// instant the worse is believed: nobody can say whose success it was.
func (r Result) Worse(other Result) bool { return r.rank() > other.rank() }

func (r Result) rank() int {
	return slices.Index([]Result{Success, Warning, Unknown, Cancelled, Missed, Failed}, r)
}

// Failing tells whether the result leaves the machine without a new backup.
func (r Result) Failing() bool {
	return r == Failed || r == Cancelled || r == Missed
}

// Class says what kind of machine a job protects.
type Class string

// The machine classes of the label machine_class. Other is treated like a
// server by the rules: a kind nobody recognised must not be ignored.
const (
	Server      Class = "server"
	NAS         Class = "nas"
	Workstation Class = "workstation"
	Other       Class = "other"
)

// Role says which of a machine's backups a job is.
type Role string

// The roles of the label backup_role.
const (
	Primary Role = "primary"
	Local   Role = "local"
)

// Run is one finished (or missed) run of a job.
type Run struct {
	// ID is the product's stable id of the run, empty if it has none. Two
	// reports with the same ID are the same run.
	ID string
	// Start is zero if the product does not tell.
	Start time.Time
	// End is the instant the run ended, or for a missed run the instant at
	// which the product noticed.
	End    time.Time
	Result Result
	// Size is the number of bytes processed.
	Size Amount
	// Files is the number of files or other objects that the resulting backup
	// holds, changed or not. A run with none saved nothing, whatever its result.
	Files Amount
	// Error is the product's explanation for people. It is never a label.
	Error string
	// weak marks a run that ended well and proves nothing; the poller finds it.
	weak bool
	// Coarse marks a run that is known from a status listing only; a
	// detailed report of the same run is kept in preference.
	Coarse bool
}

// WentOn tells whether the run went on at an instant, or may have: products date their
// runs and what they say of them by different clocks. Of one without a start only the end is known.
func (r *Run) WentOn(at time.Time, slack time.Duration) bool {
	began := r.Start
	if began.IsZero() || began.After(r.End) {
		began = r.End
	}
	return !at.Before(began.Add(-slack)) && !at.After(r.End.Add(slack))
}

// OnDemand is the expected interval of a job that nothing starts but a person: so
// long that its next run is never late, while a run that failed is one all the
// same. The inventory may say that somebody owes it nevertheless.
const OnDemand = 50 * 365 * 24 * time.Hour

// Job is one protection unit: one plan applied to one protected object.
type Job struct {
	Customer     string `json:"customer"`      // the service provider's id of the customer
	CustomerName string `json:"customer_name"` // how the product calls the customer
	// CustomerKey is the product's stable id of a customer that the
	// configuration does not name. The poller then gives the customer an id
	// made from CustomerName, which a later renaming does not change.
	CustomerKey string `json:"-"`
	ID          string `json:"job_id"` // stable within source and customer
	Machine     string `json:"machine"`
	Class       Class  `json:"machine_class"`
	Role        Role   `json:"backup_role"`
	Engine      string `json:"engine"`
	Plan        string `json:"plan"`
	ObjectType  string `json:"object_type"` // the product's own word, for example resource.machine

	// The small ones stand together: of a fleet each job is kept in memory.
	Enabled          bool          `json:"enabled"`
	Running          bool          `json:"running"`
	RoleAssumed      bool          `json:"role_assumed,omitempty"` // nobody told the role: it is the source's own for all such
	LastResult       Result        `json:"last_result"`            // filled by the poller
	RunningSince     time.Time     `json:"running_since,omitzero"`
	NextRun          time.Time     `json:"next_run,omitzero"`
	ExpectedInterval time.Duration `json:"expected_interval,omitempty"`

	// LastSuccess may be claimed by a source whose product keeps it; the
	// poller keeps the latest of all claims and of all good runs.
	LastSuccess time.Time `json:"last_success,omitzero"`
	// Runs are the finished runs this fetch learned of, in any order. The
	// poller folds them into the fields below and drops them.
	Runs []Run `json:"-"`

	// The following are filled by the poller.
	LastRun      time.Time     `json:"last_run,omitzero"`
	LastDuration time.Duration `json:"last_duration,omitempty"`
	LastSize     Amount        `json:"last_size,omitzero"`
	Failures     int           `json:"failures,omitempty"` // consecutive failing runs
	Error        string        `json:"error,omitempty"`    // of the last run, empty after a success

	*Moved // nil if it did not within a month

	// schedule is when the inventory says that it starts; nil if it does not.
	schedule *PlanSchedule

	// Received is when a pushed result arrived; zero for polled sources.
	Received time.Time `json:"received,omitzero"`
}

// Moved is the id of the customer under which a job was known before, and when
// that changed.
type Moved struct {
	MovedFrom string    `json:"moved_from,omitempty"`
	MovedAt   time.Time `json:"moved_at,omitzero"`
}

// Vanished is a job that its product no longer lists.
type Vanished struct {
	Customer string    `json:"customer"`
	ID       string    `json:"job_id"`
	Machine  string    `json:"machine"`
	Class    Class     `json:"machine_class"`
	Role     Role      `json:"backup_role"`
	Engine   string    `json:"engine"`
	Plan     string    `json:"plan"`
	Since    time.Time `json:"since"` // the first complete listing without it
}

// Agent is a program of the backup product on a machine.
type Agent struct {
	Customer     string    `json:"customer"`
	CustomerKey  string    `json:"-"` // as in Job
	CustomerName string    `json:"-"`
	Machine      string    `json:"machine"`
	Online       bool      `json:"online"`
	LastSeen     time.Time `json:"last_seen,omitzero"` // filled by the poller if the product does not tell
}

// Repository is a place where backups are stored.
type Repository struct {
	Customer string
	Name     string
	// CapacityBytes and FreeBytes are negative if the product does not tell.
	CapacityBytes float64
	FreeBytes     float64
	// Online is nil if the product does not tell.
	Online *bool
}

// Quota is an amount that a subscription allows.
type Quota struct {
	Customer     string
	CustomerKey  string // as in Job
	CustomerName string
	Item         string
	Unit         string
	Used         float64
	Limit        *float64 // nil: no limit
}

// License is a subscription or licence that ends.
type License struct {
	Customer     string
	CustomerKey  string // as in Job
	CustomerName string
	Item         string
	Expiry       time.Time
}

// Endpoint tells how reading one endpoint of a source went. Those that a product
// refuses (missing rights) or that fail degrade alone when they are optional.
type Endpoint struct {
	Name  string
	Items int
	Err   error // nil: read completely
}

// Snapshot is one complete reading of a source.
type Snapshot struct {
	// Incremental marks a reading that only asked for what changed since an
	// earlier one: what is not among Jobs stays as it was.
	Incremental bool
	// SameRest marks an incremental reading after which Agents, Repositories,
	// Quotas, Licenses and Unmatched are as in the reading before; here they are
	// empty.
	SameRest bool
	// PerCustomerIDs marks a source whose job ids are unique within a customer
	// only: a job of another customer with the same id is another job.
	PerCustomerIDs bool

	Jobs         []Job
	Agents       []Agent
	Repositories []Repository
	Quotas       []Quota
	Licenses     []License
	Endpoints    []Endpoint
	// Unmatched is what this reading told without telling of which job.
	Unmatched []Unmatched
	// UnknownValues counts, by field, values met for the first time in this
	// reading that the program does not know.
	UnknownValues map[string]int
	// ClockSkew is the product's clock minus ours, nil if it does not tell.
	ClockSkew *time.Duration
	// CertificateEnds is when the product's TLS certificate ends; zero without one.
	CertificateEnds time.Time
	// Inbox is nil for sources that read no mails.
	Inbox *Inbox
}

// Inbox tells what became of the mails of a source.
type Inbox struct {
	Unsorted    int            // that no rule reads, wherever they wait
	Ignored     map[string]int // by reason, since the source was started
	LastMessage time.Time      // arrival of the latest mail of any kind, zero if there was none
}

// CountUnknown notes one value of a field that is not known.
func (s *Snapshot) CountUnknown(field string) {
	if s.UnknownValues == nil {
		s.UnknownValues = make(map[string]int)
	}
	s.UnknownValues[field]++
}

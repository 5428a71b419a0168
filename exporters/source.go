package exporters

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Source is one configured instance of a backup product.
type Source interface {
	// Fetch reads the product completely or fails. A listing of jobs that
	// could not be read to its end is an error, never a shorter Snapshot:
	// a missing job would look like a deleted machine. Optional endpoints that
	// failed are reported in Snapshot.Endpoints instead.
	//
	// Fetch is called by one goroutine at a time.
	Fetch(ctx context.Context) (Snapshot, error)
}

// Rememberer is a Source that is told at the start which jobs were known
// before: one that learns what a job protects only from runs that its product
// may since have forgotten.
type Rememberer interface {
	Remember(jobs []Job)
}

// Retainer is a Source that tells of what changed. Its next snapshot has to tell
// of everything that it knows after TellAll: names changed on our side.
type Retainer interface {
	TellAll()
}

// Fingerprinter is a Source whose configuration names further files. When
// they say something else, reading the configuration anew starts it anew.
type Fingerprinter interface {
	// Fingerprint is that of the files' contents when they were read.
	Fingerprint() string
}

// Faulty is a Source that works although a part of its configuration had to be set
// aside, with which earlier versions started. A check fails by it, a start does not.
type Faulty interface {
	Faults() []error
}

// SourceOptions are what a Source needs beside its own configuration.
type SourceOptions struct {
	// Now is the only clock.
	Now func() time.Time
	// UserAgent names the program and its version to products.
	UserAgent string
	// Sleep waits between tries; nil means real time.
	Sleep func(context.Context, time.Duration) error
}

// Reason classifies why a source could not be read; it is the label of
// backup_source_errors_total.
type Reason string

// The reasons for which a source or one of its endpoints fails.
const (
	ReasonAuth        Reason = "auth"        // credentials refused
	ReasonForbidden   Reason = "forbidden"   // a right is missing
	ReasonNotFound    Reason = "not_found"   // the product has no such interface
	ReasonThrottled   Reason = "throttled"   // the product asks us to come back later
	ReasonServer      Reason = "server"      // the product answers 5xx
	ReasonUnreachable Reason = "unreachable" // no connection
	ReasonTimeout     Reason = "timeout"     // too slow
	ReasonMalformed   Reason = "malformed"   // an answer that cannot be read
	ReasonIncomplete  Reason = "incomplete"  // a listing that does not end, or ends early
	ReasonState       Reason = "state"       // our own state file
	ReasonOther       Reason = "other"
)

func reasons() []Reason {
	return []Reason{ReasonAuth, ReasonForbidden, ReasonNotFound, ReasonThrottled, ReasonServer, ReasonUnreachable,
		ReasonTimeout, ReasonMalformed, ReasonIncomplete, ReasonState, ReasonOther}
}

// SourceError says what failed where, without quoting anything secret.
type SourceError struct {
	Endpoint string
	Reason   Reason
	Status   int // HTTP status, 0 if none
	Err      error
}

// Error gives one line for the log.
func (e *SourceError) Error() string {
	s := e.Endpoint + ": " + string(e.Reason)
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d %s)", e.Status, http.StatusText(e.Status))
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// ReasonOf finds the reason of an error of a Source.
func ReasonOf(err error) Reason {
	var se *SourceError
	if errors.As(err, &se) {
		return se.Reason
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ReasonTimeout
	}
	return ReasonOther
}

// Need says what the failure of one endpoint of a source means.
type Need int

const (
	// Required endpoints fail the whole refresh.
	Required Need = iota
	// Naming endpoints decide whose things are. A refusal (403, 404) or an answer of
	// another shape means the product will never tell and counts as an empty list; any
	// other failure uses the last good reading, and fails the refresh while
	// there is none, since an owner must not change because of a passing error.
	Naming
	// Optional endpoints enrich. On failure the last good reading is used.
	Optional
)

// LastGood keeps the last good reading of one endpoint of a source.
type LastGood[T any] struct {
	Name string
	Need Need
	// NoStale empties the list on failure instead of using the last good
	// reading: for what is true only at the instant of reading.
	NoStale bool

	good []T
	have bool
}

// Refresh reads the endpoint. The error is non-nil only if the whole refresh of
// the source has to fail.
func (p *LastGood[T]) Refresh(ctx context.Context, list func(context.Context) ([]T, error)) ([]T, Endpoint, error) {
	items, err := list(ctx)
	if err == nil {
		p.good, p.have = items, true
		return items, Endpoint{Name: p.Name, Items: len(items)}, nil
	}
	if ctx.Err() != nil {
		return nil, Endpoint{}, &SourceError{Endpoint: p.Name, Reason: ReasonTimeout, Err: ctx.Err()}
	}
	reason := ReasonOf(err)
	refused := reason == ReasonForbidden || reason == ReasonNotFound || reason == ReasonMalformed
	switch {
	case p.Need == Required:
		return nil, Endpoint{}, err
	case refused && p.Need == Naming && !p.have, p.NoStale:
		return nil, Endpoint{Name: p.Name, Err: err}, nil
	case p.Need == Naming && !p.have:
		return nil, Endpoint{}, err
	default:
		return p.good, Endpoint{Name: p.Name, Items: len(p.good), Err: err}, nil
	}
}

// Sleep waits in real time, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

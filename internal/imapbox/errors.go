package imapbox

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"vigie/internal/mailread"
)

// Reason is why a visit failed.
type Reason string

// The reasons.
const (
	Auth        Reason = "auth"        // the login was refused
	Forbidden   Reason = "forbidden"   // the name and password are right, and may not read here
	Throttled   Reason = "throttled"   // the server asks to come back later
	NotFound    Reason = "not_found"   // there is no such folder
	Server      Reason = "server"      // the server refuses
	Unreachable Reason = "unreachable" // no connection
	Timeout     Reason = "timeout"     // too slow
	Malformed   Reason = "malformed"   // an answer that cannot be read
	State       Reason = "state"       // what we keep ourselves
)

// Error is why a visit failed. After says that it is about marking and moving.
type Error struct {
	Reason Reason
	After  bool
	Err    error
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// fault gives an error of the conversation its reason.
func fault(ctx context.Context, reason Reason, err error) error {
	var se *Error
	if errors.As(err, &se) {
		return err
	}
	var refused *imap.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		reason = Timeout
	case errors.As(err, &refused):
		reason = Server
	case errors.Is(err, errChatter):
		reason = Malformed
	}
	return &Error{Reason: reason, Err: mailread.CleanError(err)}
}

// storeError is a failure on our side, for which no mail is to blame.
type storeError struct{ err error }

func (e *storeError) Error() string { return e.err.Error() }

func (e *storeError) Unwrap() error { return e.err }

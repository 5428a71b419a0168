//go:build linux

package answers_test

import (
	"testing"

	"vigie/internal/realmail"
)

// dovecot is a mailbox on a real server.
type dovecot struct{ *realmail.Maildir }

func newDovecot(t *testing.T) postbox {
	t.Helper()
	return dovecot{realmail.Dovecot(t, boxUser, boxPassword, "")}
}

func (d dovecot) address() string    { return d.Address }
func (d dovecot) deliver(raw string) { d.Deliver(raw) }

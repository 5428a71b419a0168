package sending

import (
	"errors"
	"fmt"
	"time"

	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/incident"
)

// Pauses are how long is waited between attempts: first, at the most, and until a
// transmission is given up.
type Pauses struct{ First, Most, GiveUp time.Duration }

// Verdict is what an attempt comes to.
type Verdict struct {
	Status string // of the transmission from now on
	Result string // of the attempt, as metrics count it
	Detail string // what was answered
	Next   time.Time
	What   string // is refused, when it is not the address
}

// Judge decides what an attempt comes to; sent is why it was not accepted, nil
// when it was.
func Judge(t store.Transmission, sent error, now time.Time, p Pauses) Verdict {
	if sent == nil {
		return Verdict{Status: store.Accepted, Result: "accepted"}
	}
	retry := Verdict{Status: store.Pending, Result: "retry", Detail: sent.Error(), Next: now.Add(p.after(t.Attempts))}
	var problem *notify.Error
	if errors.As(sent, &problem) && problem.RetryAfter > 0 {
		if at := now.Add(min(problem.RetryAfter, p.Most)); at.After(retry.Next) {
			retry.Next = at
		}
	}
	switch {
	case notify.IsConfiguration(sent):
		// Ours to mend: the message waits, however long, and does not hammer.
		retry.Result, retry.Next = "misconfigured", now.Add(p.Most)
	case notify.KindOf(sent) == notify.KindRecipient:
		return Verdict{Status: store.Refused, Result: "refused", Detail: sent.Error()}
	case now.Sub(t.Since) >= p.GiveUp:
		v := Verdict{Status: store.Refused, Result: "given_up", What: incident.RefusedTrouble,
			Detail: fmt.Sprintf("not accepted for %s: %s", p.GiveUp, sent)}
		if notify.IsPermanent(sent) {
			v.What = incident.RefusedMessage
		}
		return v
	case notify.IsPermanent(sent):
		// This message alone is refused: a filter is mended, a second relay may take
		// it. It is told at once, and tried for as long as any other.
		retry.Result, retry.What, retry.Next = "message_refused", incident.RefusedMessage, now.Add(p.Most)
	case errors.Is(sent, notify.ErrUnknown):
		retry.Result = "unknown"
	}
	return retry
}

// after doubles from the first pause to the longest.
func (p Pauses) after(attempts int) time.Duration {
	d := p.First
	for range attempts - 1 {
		if d *= 2; d >= p.Most {
			return p.Most
		}
	}
	return d
}

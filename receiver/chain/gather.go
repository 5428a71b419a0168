package chain

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/common/version"

	"vigie/receiver/alertmanager"
	"vigie/receiver/evidence"
	"vigie/receiver/letter"
	"vigie/receiver/loop"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules/book"
	"vigie/rules/policy"
)

// MaxWaiting bounds how much of the outbox the chain shows.
const MaxWaiting = 100

// Inputs are what the state of the chain is made of at one instant.
type Inputs struct {
	Now           time.Time
	Store         *store.Store
	Policy        *policy.Policy
	Duty          []book.DutyRole
	Issues        map[string]int
	Started       time.Time
	Watchdog      Watchdog
	Waiting       []letter.Summary // of the outbox, the oldest first
	Turns         *loop.Turns
	Expected      map[string]string // sources of the inventory, with their exporters
	Prometheus    *evidence.Client  // nil for none
	Exporters     []evidence.Exporter
	Alertmanagers []*alertmanager.Client
	Heartbeat     bool
	Mail          notify.Channel
	Channels      map[string]notify.Channel
}

// Heard is how the watchdog does that was last heard then.
func Heard(last time.Time, gone bool, limit time.Duration) Watchdog {
	w := Watchdog{Health: Up, Last: last, Limit: limit}
	switch {
	case gone:
		w.Health = Down
	case last.IsZero():
		w.Health = Unknown
	}
	return w
}

// State asks what has to be asked for, and says how the chain is.
func (a *Asker) State(ctx context.Context, p Inputs) (*State, error) {
	s := &State{Now: p.Now, Issues: p.Issues, Watchdog: p.Watchdog, Duty: p.Duty,
		Version: Version{Version: version.Version, Revision: version.Revision, Go: runtime.Version(), Started: p.Started},
		Policy:  Policy{Hash: p.Policy.Hash, Name: p.Policy.Name, Effective: p.Policy.EffectiveFrom}}
	asked := a.Ask(ctx, p.Prometheus, p.Exporters, p.Expected, p.Now)
	s.Sources, s.SourcesFault, s.Unmatched = asked.Sources, asked.Fault, asked.Unmatched
	s.Links = a.Seen.Links(p.Prometheus != nil, p.Alertmanagers, p.Exporters, p.Heartbeat)
	s.Silences, s.SilencesAt = a.Seen.Silences(p.Now)
	s.Loops = Loops(p.Turns)
	if d, err := p.Store.Disk(); err == nil {
		s.Disk = Disk{Free: d.Free, Size: d.Size}
	}
	s.Outbox.Waiting = waiting(p.Waiting)
	return s, p.Store.View(ctx, func(tx *store.Tx) error { return s.kept(tx, p) })
}

// waiting are the transmissions that nobody has accepted.
func waiting(all []letter.Summary) []Waiting {
	out := []Waiting{}
	for _, m := range all {
		for _, r := range m.Recipients {
			if r.AcceptedAt.IsZero() && r.RefusedAt.IsZero() {
				out = append(out, Waiting{Message: m.ID, Template: m.Template, Subject: m.Subject, Incidents: m.Incidents,
					Address: r.Address, Status: r.Status, Attempts: r.Attempts, Next: r.NextAt, Detail: r.Detail, Decided: m.Decided})
			}
		}
	}
	return out
}

// kept fills in what the store knows.
func (s *State) kept(tx *store.Tx, p Inputs) error {
	backlog, err := tx.Backlog(p.Now)
	if err != nil {
		return err
	}
	s.Outbox.Pending, s.Outbox.Oldest = backlog.Pending, backlog.Oldest
	s.Outbox.More = max(0, backlog.Pending-len(s.Outbox.Waiting))
	ways, err := tx.Ways()
	if err != nil {
		return err
	}
	s.Relays = Relays(ways, p.Mail, p.Channels)
	if s.Reloads, err = Reloads(tx); err != nil {
		return err
	}
	seal, found, err := tx.LatestSeal()
	if found {
		s.Seal, s.SealedAt = seal.String(), seal.At
	}
	return err
}

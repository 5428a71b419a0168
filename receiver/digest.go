package receiver

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"vigie/receiver/letter"
	"vigie/receiver/message"
	"vigie/receiver/outbox"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
)

// RenderDigest makes the words of the morning's overview.
type RenderDigest func(message.Digest) (message.Rendered, error)

// Counts are the questions whose answers are the numbers of the overview.
type Counts struct {
	// Machines is how many are backed up, Good how many of them are well.
	Machines, Good string
}

const (
	// digestKey remembers the date of the latest overview, digestAtKey when it
	// was made: the date is the key by which it is made once.
	digestKey   = "digest_date"
	digestAtKey = "digest_at"
	digestEvery = 10 * time.Second
	// digestWithin bounds the questions to Prometheus and Alertmanager.
	digestWithin = 30 * time.Second
	// maxDigest bounds the incidents that one overview lists, the nearest deadlines
	// first.
	maxDigest = 500
	// firstDigest is how far back the very first one looks for new failures.
	firstDigest = 24 * time.Hour
)

// digest makes the overview of the day.
type digest struct {
	*core
	outbox     *outbox.Outbox
	reconciler *reconciler
	sealer     *sealer
}

// Run turns until ctx ends.
func (o *digest) Run(ctx context.Context) error {
	return o.turns.Run(ctx, "digest", digestEvery, nil, o.turn)
}

// turn makes the overview of the day when its hour has come, once a day: the
// date and the message are kept together, so that no restart makes it twice or
// loses it. What cannot be found out is said to be unknown.
func (o *digest) turn(ctx context.Context) error {
	now := o.now()
	b, due := o.Book().Briefing(now)
	p := o.live()
	if !due || p.RenderDigest == nil {
		return nil
	}
	made, last, err := o.lastDigest(ctx)
	if err != nil || made == b.Date {
		return err
	}
	if len(b.To) == 0 {
		return fmt.Errorf("digest of %s: nobody has a role that reads it; mend digest.to in the policy, or the rota", b.Date)
	}
	if last.IsZero() || last.After(now) {
		last = now.Add(-firstDigest)
	}
	if made == "" { // an installation's first overview, whenever it begins, is not late
		b.Due = now
	}
	d := message.Digest{At: now, Due: b.Due, Zone: b.Zone.String(), Language: b.To[0].Language, To: b.To, Cc: b.Cc, Health: &message.DigestHealth{}}
	if err := o.digestIncidents(ctx, &d, last, now); err != nil {
		return err
	}
	d.Gaps = o.gaps(now)
	o.digestNumbers(ctx, &d, now)
	if err := o.sealer.turn(ctx); err != nil { // what it bears witness to goes up to now
		return err
	}
	seal, sealed, err := o.LatestSeal(ctx)
	if err != nil {
		return err
	}
	if sealed {
		d.Seal = seal.String()
	}
	return o.keepDigest(ctx, b, d, now)
}

func (o *digest) lastDigest(ctx context.Context) (date string, at time.Time, err error) {
	err = o.store.View(ctx, func(tx *store.Tx) error {
		if date, err = tx.Value(digestKey); err != nil {
			return err
		}
		text, err := tx.Value(digestAtKey)
		if n, bad := strconv.ParseInt(text, 10, 64); bad == nil {
			at = time.Unix(0, n)
		}
		return err
	})
	return date, at, err
}

// keepDigest puts the message into the outbox, unless the day has one.
func (o *digest) keepDigest(ctx context.Context, b rules.Briefing, d message.Digest, now time.Time) error {
	words, err := o.live().RenderDigest(d)
	if err != nil {
		return fmt.Errorf("digest of %s: %w", b.Date, err)
	}
	n := incident.Notification{ID: "digest/" + b.Date, Step: "digest", Template: "D1", DecidedAt: now, To: b.To, Cc: b.Cc, Language: d.Language}
	id, value, err := o.outbox.Alone(n, words)
	if err != nil {
		return err
	}
	return o.store.Update(ctx, func(tx *store.Tx) error {
		if made, err := tx.Value(digestKey); err != nil || made == b.Date {
			return err
		}
		// After the clock was set back a day may come twice.
		switch ts, err := tx.Transmissions(id); {
		case err != nil:
			return err
		case len(ts) > 0:
			return tx.SetValue(digestKey, b.Date)
		}
		if _, err := tx.CreateMessage(id, n.Template, nil, value, letter.Recipients(n), now); err != nil {
			return err
		}
		if err := tx.SetValue(digestKey, b.Date); err != nil {
			return err
		}
		if err := tx.SetValue(digestAtKey, strconv.FormatInt(now.UnixNano(), 10)); err != nil {
			return err
		}
		return tx.AppendSystem(incident.Entry{At: now, Kind: "message", What: "digest", Reason: fmt.Sprintf("of %s as %s, with seal %s", b.Date, id, cmp.Or(d.Seal, "none"))})
	})
}

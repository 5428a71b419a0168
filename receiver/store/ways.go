package store

import (
	"database/sql"
	"fmt"
	"time"

	"vigie/receiver/store/engine"
)

// Way is what became of the newest messages by one channel.
type Way struct {
	Accepted time.Time // the latest of them that was taken
	Waiting  int       // transmissions that were tried and not taken yet
	Detail   string    // what the oldest of those was answered
}

// newestMessages bounds how far back [Tx.Ways] looks for what was accepted.
const newestMessages = 500

// Ways tells how each channel does, by its name; that of e-mail is empty.
func (tx *Tx) Ways() (map[string]Way, error) {
	out := map[string]Way{}
	err := engine.Each(tx.q, func(r *sql.Rows) error {
		var name string
		var at sql.NullInt64
		if err := r.Scan(&name, &at); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		out[name] = Way{Accepted: instant(at)}
		return nil
	}, `SELECT channel, MAX(ended_at) FROM transmission WHERE status = ? AND
		message IN (SELECT id FROM message ORDER BY position DESC LIMIT ?) GROUP BY channel`, Accepted, newestMessages)
	if err != nil {
		return nil, err
	}
	return out, engine.Each(tx.q, func(r *sql.Rows) error {
		var name string
		var n int
		var detail sql.NullString
		if err := r.Scan(&name, &n, &detail); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		w := out[name]
		w.Waiting, w.Detail = n, detail.String
		out[name] = w
		return nil
	}, `SELECT channel, COUNT(*), (SELECT detail FROM transmission o WHERE o.channel = t.channel AND o.next_at IS NOT NULL
		AND o.detail <> '' ORDER BY o.since LIMIT 1) FROM transmission t WHERE next_at IS NOT NULL AND attempts > 0 GROUP BY channel`)
}

package pg

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Each promotion of a standby begins a new timeline of the server's log. Whoever has
// written on one must not go on with an earlier: that is an old primary which nobody has
// stopped, and what it takes in the other does not have.
const (
	askTimeline = `SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END`
	timelineKey = "timeline"
)

// timelines remembers the newest that any connection has seen. It warns of each older
// one once, for where the address names another server the refusal goes unseen.
type timelines struct {
	newest, warned atomic.Uint64
	warn           func(string)
}

// fit refuses, at each connection, a server that would forget, or that is behind.
func (t *timelines) fit(ctx context.Context, c *pgconn.PgConn) error {
	if err := fit(ctx, c); err != nil {
		return err
	}
	at := timeline(ctx, c)
	c.CustomData()[timelineKey] = at
	return t.see(at)
}

// timeline is the server's; 0 where it does not tell.
func timeline(ctx context.Context, c *pgconn.PgConn) uint64 {
	results, err := c.Exec(ctx, askTimeline).ReadAll()
	if err != nil || len(results) != 1 || len(results[0].Rows) != 1 {
		return 0
	}
	at, err := strconv.ParseUint(string(results[0].Rows[0][0]), 16, 32)
	if err != nil {
		return 0
	}
	return at
}

func (t *timelines) see(at uint64) error {
	for at > 0 {
		newest := t.newest.Load()
		if at < newest {
			err := fmt.Errorf("the server writes on timeline %d, and this receiver has written on %d already: it is an old primary that was not stopped when its standby was promoted; "+
				"stop it. If an older state was restored on purpose, restart the receiver", at, newest)
			if t.warned.Swap(at) != at && t.warn != nil {
				t.warn(err.Error())
			}
			return err
		}
		if t.newest.CompareAndSwap(newest, at) {
			break
		}
	}
	return nil
}

// reuse refuses a connection that was made before a newer timeline was seen.
func (t *timelines) reuse(_ context.Context, c *pgx.Conn) error {
	if at, _ := c.PgConn().CustomData()[timelineKey].(uint64); at > 0 && at < t.newest.Load() {
		return driver.ErrBadConn
	}
	return nil
}

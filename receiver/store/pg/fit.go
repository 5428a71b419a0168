// Package pg knows what a server of PostgreSQL is asked, and what it must be.
package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// oldestServer is the oldest version of PostgreSQL that is tried.
const oldestServer = 13

// server is what a server says of itself.
type server struct {
	version                                   int // as 150008
	standby                                   bool
	readOnly, fsync, pages, commits, encoding string
}

const askServer = `SELECT current_setting('server_version_num'), pg_is_in_recovery()::int, current_setting('transaction_read_only'), current_setting('fsync'),
	current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('server_encoding')`

// fit refuses a server, at each connection to it, that does not keep what it says
// it has kept: what is accepted must survive a power cut.
func fit(ctx context.Context, c *pgconn.PgConn) error {
	results, err := c.Exec(ctx, askServer).ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return errors.New("the server does not say what it is")
	}
	r := results[0].Rows[0]
	s := server{standby: string(r[1]) == "1", readOnly: string(r[2]), fsync: string(r[3]), pages: string(r[4]), commits: string(r[5]), encoding: string(r[6])}
	if s.version, err = strconv.Atoi(string(r[0])); err != nil {
		return fmt.Errorf("the server's version: %w", err)
	}
	return s.fit()
}

func (s server) fit() error {
	switch {
	case s.version < oldestServer*10000:
		return fmt.Errorf("the server is PostgreSQL %d: %d or newer is needed", s.version/10000, oldestServer)
	case s.standby:
		return errors.New("the server is a standby, which takes nothing in: name the primary, or all hosts and target_session_attrs=read-write in the address")
	case s.readOnly != "off":
		return errors.New("the server lets nobody write: take default_transaction_read_only off for this user")
	case s.encoding != "UTF8":
		return fmt.Errorf("the database is written in %s: make one with createdb --encoding=UTF8 --template=template0", s.encoding)
	case s.fsync != "on":
		return errors.New("the server has fsync = off: what it accepts is gone after a power cut; set it to on")
	case s.pages != "on":
		return errors.New("the server has full_page_writes = off: a power cut may damage what it holds; set it to on")
	case s.commits == "off":
		return errors.New("the server has synchronous_commit = off: what it accepts may be gone after a crash; set it to on, for this database at least")
	}
	return nil
}

// alone says why a server that waits for standbys accepts nothing.
const alone = "synchronous_standby_names = %s, and no standby follows: nothing is accepted until one does; where the server is to stay alone, empty that setting"

// standbys is what a server says of those that follow it.
type standbys struct {
	commits, named    string // synchronous_commit and synchronous_standby_names
	following, behind int    // all that follow, and those of them that are not waited for
}

func askStandbys(ctx context.Context, db *sql.DB) (s standbys, err error) {
	err = db.QueryRowContext(ctx, `SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
		(SELECT COUNT(*) FROM pg_stat_replication), (SELECT COUNT(*) FROM pg_stat_replication WHERE COALESCE(sync_state, 'async') = 'async')`).Scan(&s.commits, &s.named, &s.following, &s.behind)
	return s, err
}

// waits reports whether the server waits for a standby and none follows.
func (s standbys) waits() bool { return s.named != "" && s.following == 0 }

// notices is what is not wrong with the server and should be known.
func (s standbys) notices() (out []string) {
	if s.waits() {
		out = append(out, fmt.Sprintf(alone, s.named))
	}
	if s.named != "" && (s.commits == "local" || s.commits == "remote_write") {
		out = append(out, fmt.Sprintf("synchronous_commit = %s: when the standby takes over, what was accepted last may be missing; on waits for its disk, too", s.commits))
	}
	if s.named == "" && s.behind > 0 {
		out = append(out, fmt.Sprintf("%d standbys follow without being waited for: when one takes over, what was accepted last may be missing; "+
			"name them in synchronous_standby_names to lose nothing", s.behind))
	}
	return out
}

// Notice finds what is not wrong with a server, and the pooler before it, and should be known.
func Notice(ctx context.Context, db *sql.DB, pooled bool) ([]string, error) {
	s, err := askStandbys(ctx, db)
	if err != nil {
		return nil, err
	}
	out := s.notices()
	if pooled {
		out = append(out, "a pooler stands before the server: statements are not prepared, which costs some speed and nothing else")
	}
	return out, nil
}

// Why adds to the error of a server that does not answer in time that it waits for a
// standby which does not follow.
func (p *Database) Why(err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s, unknown := askStandbys(ctx, p.reader); unknown == nil && s.waits() {
		return fmt.Errorf("%w: "+alone, err, s.named)
	}
	return err
}

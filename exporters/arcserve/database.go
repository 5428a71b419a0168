package arcserve

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

const jobHistory = "job_history"

// The one statement that is ever sent. Tables, columns and joins are those
// that published programs use; the text is within what SQL Server and SQLite
// have in common. The bound on rows is kept while reading, for the same reason.
const listing = `
SELECT job.jobId, job.jobType, job.jobStatus, job.agentId, job.planUUID,
       job.jobUTCStartTime, job.jobUTCEndTime, job.jobLocalStartTime, job.jobLocalEndTime,
       policy.name, host.rhostname, vm.vmname
FROM as_edge_d2dJobHistory_lastJob job
LEFT JOIN as_edge_policy policy ON policy.uuid = job.planUUID
LEFT JOIN as_edge_host host ON host.rhostid = job.agentId
LEFT JOIN as_edge_vsphere_entity_host_map entity ON entity.hostId = host.rhostid
LEFT JOIN as_edge_vsphere_vm_detail vm ON vm.entityId = entity.entityId`

// recent narrows the listing to what may have changed. Rows without an
// instant in UTC are always read: nothing tells how old they are.
const recent = `
WHERE job.jobUTCStartTime IS NULL OR job.jobUTCEndTime IS NULL OR job.jobUTCStartTime >= @since OR job.jobUTCEndTime >= @since`

// console reads the console's database. It implements way.
type console struct {
	config  *Config
	db      *sql.DB
	sleep   func(context.Context, time.Duration) error
	problem func(error) exporters.Reason // what the driver's errors mean
	known   *knowledge
	listed  time.Time // the last complete listing
	part    exporters.LastGood[row]
}

func newConsole(c *Config, db *sql.DB, problem func(error) exporters.Reason, o exporters.SourceOptions) *console {
	db.SetMaxOpenConns(1)
	return &console{config: c, db: db, sleep: o.Sleep, problem: problem, known: newKnowledge(c), part: exporters.LastGood[row]{Name: jobHistory, Need: exporters.Required}}
}

func (c *console) fetch(ctx context.Context, now time.Time) (exporters.Snapshot, error) {
	var since time.Time
	o := c.config.Console
	complete := c.listed.IsZero() || c.known.newest.IsZero() || now.Sub(c.listed) >= time.Duration(o.FullListingEvery) || now.Before(c.listed)
	if !complete {
		since = c.known.since(time.Duration(o.Overlap))
	}
	rows, endpoint, err := c.part.Refresh(ctx, func(ctx context.Context) ([]row, error) { return c.read(ctx, since) })
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out := exporters.Snapshot{Endpoints: []exporters.Endpoint{endpoint}}
	runs := c.known.learn(rows, complete, now, &out)
	if complete {
		c.listed = now
	}
	out.Jobs = c.known.jobs(runs, c.known.outlived(time.Duration(o.ForgetPlansAfter)))
	return out, nil
}

func (c *console) close() error { return c.db.Close() }

// read reads the listing, again after a passing failure; a zero since means all of it.
func (c *console) read(ctx context.Context, since time.Time) ([]row, error) {
	const tries = 3
	for try := 1; ; try++ {
		rows, err := c.readOnce(ctx, since)
		if err == nil {
			return rows, nil
		}
		reason := exporters.ReasonOf(err)
		again := reason == exporters.ReasonServer || reason == exporters.ReasonUnreachable
		if try == tries || !again || c.sleep(ctx, time.Duration(try)*time.Second) != nil {
			return nil, err
		}
	}
}

func (c *console) readOnce(ctx context.Context, since time.Time) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.config.Console.QueryTimeout))
	defer cancel()
	query, args := listing, []any(nil)
	if !since.IsZero() {
		query, args = listing+recent, []any{sql.Named("since", since.UTC())}
	}
	found, err := c.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer found.Close()
	var out []row
	seen := map[string]bool{}
	for n := 0; found.Next(); n++ {
		if n >= c.config.Console.MaxRows {
			return nil, &exporters.SourceError{Endpoint: jobHistory, Reason: exporters.ReasonIncomplete,
				Err: fmt.Errorf("more than %d rows; raise max_rows if the console has that many", c.config.Console.MaxRows)}
		}
		var v [12]any
		if err := found.Scan(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11]); err != nil {
			return nil, &exporters.SourceError{Endpoint: jobHistory, Reason: exporters.ReasonMalformed, Err: err}
		}
		r := rowOf(v)
		// A machine that stands twice in the virtual machines' table comes
		// once for each.
		if key := r.protection + "\x00" + r.jobType + "\x00" + r.jobID + "\x00" + r.start.String(); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	if err := found.Err(); err != nil {
		return nil, c.failed(ctx, err)
	}
	return out, nil
}

// rowOf reads the columns of the listing in their order.
func rowOf(v [12]any) row {
	r := row{jobID: textOf(v[0]), jobType: textOf(v[1]), status: textOf(v[2]), node: textOf(v[3]), planID: strings.ToLower(textOf(v[4])),
		start: instantOf(v[5]), end: instantOf(v[6]), localStart: instantOf(v[7]), localEnd: instantOf(v[8])}
	r.plan = firstOf(textOf(v[9]), r.planID, "no plan")
	r.machine = firstOf(textOf(v[10]), textOf(v[11]), "node "+r.node)
	r.protection = r.node + "/" + firstOf(r.planID, "no-plan")
	return r
}

// textOf reads a column of any type. Sixteen bytes are a GUID as SQL Server
// keeps them: the first three parts with the lowest byte first.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case []byte:
		if len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", []byte{v[3], v[2], v[1], v[0]}, []byte{v[5], v[4]}, []byte{v[7], v[6]}, v[8:10], v[10:])
		}
		return strings.TrimSpace(string(v))
	default:
		return strings.TrimSpace(fmt.Sprint(v))
	}
}

// instantOf reads a column with an instant. Columns without a zone come as if
// they were in UTC; whoever knows better reads the wall clock.
func instantOf(v any) exporters.Instant {
	t, ok := v.(time.Time)
	if !ok {
		return exporters.ParseInstant(textOf(v))
	}
	if _, offset := t.Zone(); offset != 0 {
		return exporters.ParseInstant(t.Format(time.RFC3339Nano))
	}
	return exporters.ParseInstant(t.Format("2006-01-02T15:04:05.999999999"))
}

// failed says what an error of the database means.
func (c *console) failed(ctx context.Context, err error) error {
	reason := c.problem(err)
	var ne net.Error
	var se *exporters.SourceError
	switch {
	case errors.As(err, &se):
		return se
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		reason = exporters.ReasonTimeout
	case reason == exporters.ReasonOther && ne != nil:
		reason = exporters.ReasonUnreachable
	}
	return &exporters.SourceError{Endpoint: jobHistory, Reason: reason, Err: err}
}

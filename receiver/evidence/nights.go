package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// The series that the shipped rules record of what a calendar shows.
const (
	worstState = "machine:backup_state:worst"
	namedRun   = "backup_job:last_run_timestamp_seconds:named"
	namedEnd   = "backup_job:last_result:named"
	namedTook  = "backup_job:last_duration_seconds:named"
	namedSize  = "backup_job:last_size_bytes:named"
)

// Names are a machine's customer and all names that the products give it.
type Names struct {
	Customer string
	Machine  []string
}

// State is what the rules recorded of a machine's backups in one role.
type State struct {
	Customer, Machine, Role string
	At                      time.Time
	State                   string // ok, warning, failed, late, never, vanished, disabled, unknown
}

// States returns what was recorded at each of the instants, which come in the
// order of time. It may return more than was asked for: another customer's
// machine of the same name. An instant of which nothing was recorded has no state.
func (c *Client) States(ctx context.Context, of []Names, at []time.Time) ([]State, error) {
	var customers, machines []string
	for _, n := range of {
		customers, machines = append(customers, n.Customer), append(machines, n.Machine...)
	}
	if len(machines) == 0 {
		return nil, nil
	}
	query := fmt.Sprintf(`max by (customer, machine, backup_role, state) (%s{customer=~%q,machine=~%q})`, worstState, anyOf(customers...), "(?i:"+anyOf(machines...)+")")
	var out []State
	for _, r := range steps(at) {
		matrix, err := c.queryRange(ctx, query, r)
		if err != nil {
			return nil, err
		}
		for _, s := range matrix {
			for _, p := range s.Values {
				out = append(out, State{string(s.Metric["customer"]), string(s.Metric["machine"]), string(s.Metric["backup_role"]), p.Timestamp.Time(), string(s.Metric["state"])})
			}
		}
	}
	return out, nil
}

// steps are the ranges of even steps that make up the instants: a day on which
// the clocks change is longer or shorter than the others.
func steps(at []time.Time) []promv1.Range {
	var out []promv1.Range
	for _, t := range at {
		if n := len(out) - 1; n >= 0 {
			r := &out[n]
			gap := t.Sub(r.End)
			if r.Start.Equal(r.End) && gap > 0 {
				r.Step = gap
			}
			if gap == r.Step {
				r.End = t
				continue
			}
		}
		out = append(out, promv1.Range{Start: t, End: t, Step: time.Minute})
	}
	return out
}

// Reported are the machines of which the rules record a state now, by customer.
func (c *Client) Reported(ctx context.Context, now time.Time) (map[string][]string, error) {
	vector, err := c.query(ctx, `group by (customer, machine) (`+worstState+`)`, now)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, s := range vector {
		customer := string(s.Metric["customer"])
		out[customer] = append(out[customer], string(s.Metric["machine"]))
	}
	return out, nil
}

// Run is one run of a backup as far as it was seen.
type Run struct {
	Source, JobID, Role, Engine, Plan string
	At                                time.Time
	Result                            float64 // as backup_job_last_result has it
	Took                              time.Duration
	SizeBytes                         float64
}

// runsEvery is how close together a day is looked at: of runs that follow each
// other more quickly the last is seen.
const runsEvery = 5 * time.Minute

// Runs are a machine's runs of a span of time, oldest first.
func (c *Client) Runs(ctx context.Context, of Names, from, to time.Time) ([]Run, error) {
	query := fmt.Sprintf(`{__name__=~%q,customer=%q,machine=~%q}`, anyOf(namedRun, namedEnd, namedTook, namedSize), of.Customer, "(?i:"+anyOf(of.Machine...)+")")
	matrix, err := c.queryRange(ctx, query, promv1.Range{Start: from, End: to, Step: runsEvery})
	if err != nil {
		return nil, err
	}
	values := map[jobKey]map[string]map[model.Time]float64{}
	labels := map[jobKey]model.Metric{}
	for _, s := range matrix {
		k := jobKey{string(s.Metric["source"]), string(s.Metric["customer"]), string(s.Metric["job_id"])}
		if values[k] == nil {
			values[k], labels[k] = map[string]map[model.Time]float64{}, s.Metric
		}
		name := string(s.Metric[model.MetricNameLabel])
		if values[k][name] == nil {
			values[k][name] = map[model.Time]float64{}
		}
		for _, p := range s.Values {
			values[k][name][p.Timestamp] = float64(p.Value)
		}
	}
	var out []Run
	for k, by := range values {
		m := labels[k]
		out = append(out, runsOf(by, from, to, Run{Source: k.source, JobID: k.id, Role: string(m["backup_role"]),
			Engine: string(m["engine"]), Plan: string(m["plan"])})...)
	}
	slices.SortFunc(out, func(a, b Run) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Plan, b.Plan)) })
	return out, nil
}

// runsOf are the runs of one job: each new instant of its last run is one, and
// what was last read of it is how it ended.
func runsOf(by map[string]map[model.Time]float64, from, to time.Time, like Run) []Run {
	var times []model.Time
	for t := range by[namedRun] {
		times = append(times, t)
	}
	slices.Sort(times)
	at := map[float64]*Run{}
	for _, t := range times {
		v := by[namedRun][t]
		begun := (&job{values: map[string]float64{lastRun: v}}).instant(lastRun)
		if begun.Before(from) || !begun.Before(to) {
			continue
		}
		if at[v] == nil {
			r := like
			r.At = begun
			at[v] = &r
		}
		r := at[v]
		r.Result, r.Took, r.SizeBytes = by[namedEnd][t], time.Duration(by[namedTook][t])*time.Second, by[namedSize][t]
	}
	var out []Run
	for _, r := range at {
		out = append(out, *r)
	}
	return out
}

func (c *Client) queryRange(ctx context.Context, query string, r promv1.Range) (model.Matrix, error) {
	value, _, _, err := c.api.QueryRange(ctx, query, r)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("prometheus answered with a %s, not with a matrix", value.Type())
	}
	return matrix, nil
}

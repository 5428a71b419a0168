// Package evidence asks Prometheus what is known of backups, and the exporters
// for the words in which a product explains a failure. It states facts; what
// follows from them is decided elsewhere.
//
// What was not read is unknown, and says so: a source that is down, a series
// that is stale, an answer that did not come.
package evidence

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	prommodel "github.com/prometheus/common/model"

	"vigie/internal/fleet"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// The series that are read, named as the exporters name them.
const (
	jobInfo     = "backup_job_info"
	lastSuccess = "backup_job_last_success_timestamp_seconds"
	lastRun     = "backup_job_last_run_timestamp_seconds"
	lastResult  = "backup_job_last_result"
	nextRun     = "backup_job_next_run_timestamp_seconds"
	interval    = "backup_job_expected_interval_seconds"
	lastSize    = "backup_job_last_size_bytes"
	sourceUp    = "backup_source_up"
	refreshedAt = "backup_source_last_refresh_timestamp_seconds"
)

// The values of backup_job_last_result that this package tells apart.
const (
	resultUnknown = 0
	resultSuccess = 1
	resultWarning = 2
)

// Options configures a client.
type Options struct {
	// URL is Prometheus's base address.
	URL string
	// HTTP makes the requests; it carries credentials and trust.
	HTTP *http.Client
	// Fresh is how old a source's last refresh may be before what it reported is
	// stale; 0 is 30 minutes.
	Fresh time.Duration
}

// Client asks one Prometheus.
type Client struct {
	api   promv1.API
	fresh time.Duration
}

// Fresh is how old a source's last refresh may be unless somebody says otherwise.
const Fresh = 30 * time.Minute

// New returns a client.
func New(o Options) (*Client, error) {
	c, err := api.NewClient(api.Config{Address: o.URL, Client: o.HTTP})
	if err != nil {
		return nil, fmt.Errorf("prometheus %s: %w", o.URL, err)
	}
	if o.Fresh == 0 {
		o.Fresh = Fresh
	}
	return &Client{api: promv1.NewAPI(wholeAnswers{c}), fresh: o.Fresh}, nil
}

// Question is what is to be found out for one incident.
type Question struct {
	// Plans has the labels of each failing alert, by fingerprint.
	Plans map[string]model.Labels
	// Other asks for the machine's backups in other roles; nil does not.
	Other *Other
}

// Other is a question about a machine's other backups.
type Other struct {
	Customer string
	// Names are the machine's name and its names in the products.
	Names []string
	// Role is the role not to look at.
	Role string
	// Expected tells that the inventory expects another backup, so that finding
	// none proves nothing.
	Expected bool
}

// Ask answers a question as of an instant. It always returns an answer; the
// error only tells why facts in it are unknown.
func (c *Client) Ask(ctx context.Context, q Question, now time.Time) (incident.Answered, error) {
	a := incident.Answered{AskedAt: now, Plans: map[string]incident.PlanEvidence{}}
	err := c.plans(ctx, q.Plans, now, a.Plans)
	if q.Other != nil {
		other, otherErr := c.other(ctx, *q.Other, now)
		other.AskedAt = now
		a.Other = &other
		if err == nil {
			err = otherErr
		}
	}
	return a, err
}

// Unknown is the answer when nothing could be asked.
func Unknown(q Question, now time.Time, why error) incident.Answered {
	a := incident.Answered{AskedAt: now, Plans: map[string]incident.PlanEvidence{}}
	for fp := range q.Plans {
		a.Plans[fp] = incident.PlanEvidence{}
	}
	if q.Other != nil {
		a.Other = &incident.Evidence{State: model.EvidenceUnknown, AskedAt: now, Error: why.Error()}
	}
	return a
}

func (c *Client) plans(ctx context.Context, plans map[string]model.Labels, now time.Time, out map[string]incident.PlanEvidence) error {
	for fp := range plans {
		out[fp] = incident.PlanEvidence{}
	}
	byCustomer := map[string][]string{}
	var sources []string
	for _, fp := range sortedKeys(plans) {
		l := plans[fp]
		if l[model.LabelJobID] == "" || l[model.LabelSource] == "" {
			continue // nothing in Prometheus is about this alert
		}
		byCustomer[l[model.LabelCustomer]] = append(byCustomer[l[model.LabelCustomer]], fp)
		sources = append(sources, l[model.LabelSource])
	}
	if len(sources) == 0 {
		return nil
	}
	up, err := c.sources(ctx, sources, now)
	if err != nil {
		return err
	}
	for _, customer := range sortedKeys(byCustomer) {
		var srcs, ids []string
		for _, fp := range byCustomer[customer] {
			srcs, ids = append(srcs, plans[fp][model.LabelSource]), append(ids, plans[fp][model.LabelJobID])
		}
		query := fmt.Sprintf(`{__name__=~%q,customer=%q,source=~%q,job_id=~%q}`, anyOf(jobInfo, lastSuccess, lastRun, lastResult, lastSize), customer, anyOf(srcs...), anyOf(ids...))
		jobs, err := c.jobs(ctx, query, now)
		if err != nil {
			return err
		}
		for _, fp := range byCustomer[customer] {
			l := plans[fp]
			out[fp] = plan(jobs[jobKey{l[model.LabelSource], customer, l[model.LabelJobID]}], up[l[model.LabelSource]], query)
		}
	}
	return nil
}

func plan(j *job, sourceIsUp bool, query string) incident.PlanEvidence {
	p := incident.PlanEvidence{Query: query}
	switch {
	case !sourceIsUp:
	case j == nil:
		p.Lost = true
	default:
		p.Known = true
		p.LastSuccess = j.instant(lastSuccess)
		p.SizeBytes = j.values[lastSize]
		if !j.succeeded() {
			p.LastFailure = j.instant(lastRun)
		}
	}
	return p
}

// other finds the worst of the machine's backups in each other role, and the
// best of the roles: a machine is covered when one role is wholly well.
func (c *Client) other(ctx context.Context, o Other, now time.Time) (incident.Evidence, error) {
	unknown := incident.Evidence{State: model.EvidenceUnknown}
	infoQuery := fmt.Sprintf(`%s{customer=%q,machine=~%q,backup_role!=%q}`, jobInfo, o.Customer, "(?i:"+anyOf(o.Names...)+")", o.Role)
	unknown.Query = infoQuery
	found, err := c.jobs(ctx, infoQuery, now)
	if err != nil {
		unknown.Error = err.Error()
		return unknown, err
	}
	maps.DeleteFunc(found, func(_ jobKey, j *job) bool { return !fleet.IsBackup(j.labels[model.LabelBackupRole]) }) // a copy saves no machine
	if len(found) == 0 {
		if o.Expected {
			unknown.Error = "the inventory expects another backup, and none is reported"
			return unknown, nil
		}
		return incident.Evidence{State: model.EvidenceNone, Query: infoQuery, Value: "no series"}, nil
	}
	var sources, ids []string
	for k := range found {
		sources, ids = append(sources, k.source), append(ids, k.id)
	}
	sort.Strings(sources)
	sort.Strings(ids)
	query := fmt.Sprintf(`{__name__=~%q,customer=%q,source=~%q,job_id=~%q}`,
		anyOf(jobInfo, lastSuccess, lastRun, lastResult, nextRun, interval), o.Customer, anyOf(sources...), anyOf(ids...))
	unknown.Query = query
	jobs, err := c.jobs(ctx, query, now)
	if err != nil {
		unknown.Error = err.Error()
		return unknown, err
	}
	up, err := c.sources(ctx, sources, now)
	if err != nil {
		unknown.Error = err.Error()
		return unknown, err
	}
	worst := map[string]incident.Evidence{}
	for _, k := range sortedJobs(found) {
		j := jobs[k]
		if j == nil {
			j = found[k]
		}
		e := state(j, up[k.source], now)
		e.Query = query
		if w, seen := worst[e.Role]; !seen || badness[e.State] > badness[w.State] {
			worst[e.Role] = e
		}
	}
	var best incident.Evidence
	for i, role := range sortedKeys(worst) {
		if i == 0 || badness[worst[role].State] < badness[best.State] {
			best = worst[role]
		}
	}
	return best, nil
}

var badness = map[model.EvidenceState]int{
	model.EvidenceOK: 0, model.EvidenceDegraded: 1, model.EvidenceUnknown: 2, model.EvidenceKO: 3, model.EvidenceNone: 4,
}

// state judges one backup by its own series.
func state(j *job, sourceIsUp bool, now time.Time) incident.Evidence {
	e := incident.Evidence{
		Role: j.labels[model.LabelBackupRole], Engine: j.labels[model.LabelEngine], Plan: j.labels[model.LabelPlan],
		LastSuccess: j.instant(lastSuccess), LastRun: j.instant(lastRun),
		Value: fmt.Sprintf("last_result=%g last_success=%s", j.values[lastResult], shown(j.instant(lastSuccess))),
	}
	result, hasResult := j.values[lastResult]
	switch {
	case !sourceIsUp:
		e.State, e.Error = model.EvidenceUnknown, "its source is not read at the moment"
	case !hasResult || result == resultUnknown:
		e.State, e.Error = model.EvidenceUnknown, "the result of its last run is not known"
	case e.LastSuccess.IsZero():
		e.State = model.EvidenceKO
	case e.LastSuccess.After(now.Add(10 * time.Minute)):
		e.State, e.Error = model.EvidenceUnknown, "its last success lies in the future"
	case result == resultWarning && !overdue(j, now):
		e.State = model.EvidenceDegraded
	case result == resultSuccess && !overdue(j, now):
		e.State = model.EvidenceOK
	default:
		e.State = model.EvidenceKO
	}
	return e
}

// overdue reports whether a success should have come since the last one. A plan
// that pauses over the weekend says so by its next run: while that lies ahead
// and the last run was good, the pause may be four times as long.
func overdue(j *job, now time.Time) bool {
	every := time.Duration(j.values[interval] * float64(time.Second))
	if every <= 0 {
		every = 24 * time.Hour
	}
	age := now.Sub(j.instant(lastSuccess))
	if next := j.instant(nextRun); next.After(now) && j.succeeded() {
		return age > 4*every
	}
	return age > every+every/2
}

func shown(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

type jobKey struct{ source, customer, id string }

// job is what Prometheus knows of one job: its info labels and its values by
// series name.
type job struct {
	labels model.Labels
	values map[string]float64
}

func (j *job) instant(name string) time.Time {
	v, ok := j.values[name]
	if !ok || math.IsNaN(v) || v <= 0 || v > 1e11 {
		return time.Time{}
	}
	sec, frac := math.Modf(v)
	return time.Unix(int64(sec), int64(frac*1e9)).UTC().Truncate(time.Millisecond)
}

func (j *job) succeeded() bool {
	r, ok := j.values[lastResult]
	return ok && (r == resultSuccess || r == resultWarning)
}

func (c *Client) jobs(ctx context.Context, query string, now time.Time) (map[jobKey]*job, error) {
	vector, err := c.query(ctx, query, now)
	if err != nil {
		return nil, err
	}
	jobs := map[jobKey]*job{}
	for _, s := range vector {
		k := jobKey{string(s.Metric["source"]), string(s.Metric["customer"]), string(s.Metric["job_id"])}
		j := jobs[k]
		if j == nil {
			j = &job{labels: model.Labels{}, values: map[string]float64{}}
			jobs[k] = j
		}
		name := string(s.Metric[prommodel.MetricNameLabel])
		j.values[name] = float64(s.Value)
		if name == jobInfo {
			for l, v := range s.Metric {
				j.labels[string(l)] = string(v)
			}
		}
	}
	return jobs, nil
}

// sources reports which sources are up and were read lately.
func (c *Client) sources(ctx context.Context, names []string, now time.Time) (map[string]bool, error) {
	vector, err := c.query(ctx, fmt.Sprintf(`{__name__=~%q,source=~%q}`, anyOf(sourceUp, refreshedAt), anyOf(names...)), now)
	if err != nil {
		return nil, err
	}
	up, down, stale := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range vector {
		name := string(s.Metric["source"])
		switch string(s.Metric[prommodel.MetricNameLabel]) {
		case sourceUp:
			up[name] = true
			down[name] = down[name] || s.Value != 1
		case refreshedAt:
			stale[name] = stale[name] || now.Sub(time.Unix(int64(s.Value), 0)) > c.fresh
		}
	}
	for name := range up {
		up[name] = !down[name] && !stale[name]
	}
	return up, nil
}

// Answers reports whether Prometheus answers at all.
func (c *Client) Answers(ctx context.Context, now time.Time) bool {
	_, err := c.query(ctx, "vector(1)", now)
	return err == nil
}

func (c *Client) query(ctx context.Context, query string, now time.Time) (prommodel.Vector, error) {
	value, _, _, err := c.api.Query(ctx, query, now)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	vector, ok := value.(prommodel.Vector)
	if !ok {
		return nil, fmt.Errorf("prometheus answered with a %s, not with a vector", value.Type())
	}
	return vector, nil
}

// anyOf is a regular expression that matches exactly these words.
func anyOf(words ...string) string {
	seen := map[string]bool{}
	var quoted []string
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			quoted = append(quoted, regexp.QuoteMeta(w))
		}
	}
	return strings.Join(quoted, "|")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func sortedJobs(m map[jobKey]*job) []jobKey {
	keys := make([]jobKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(a, b int) bool {
		x, y := keys[a], keys[b]
		return x.source+"\x00"+x.id < y.source+"\x00"+y.id
	})
	return keys
}

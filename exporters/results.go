package exporters

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ResultItem is the last known state of one job, for people. Instants are
// RFC 3339 in UTC; one that never was is left out.
type ResultItem struct {
	Source       string `json:"source"`
	Customer     string `json:"customer"`
	CustomerName string `json:"customer_name"`
	JobID        string `json:"job_id"`
	Machine      string `json:"machine"`
	MachineClass string `json:"machine_class"`
	BackupRole   string `json:"backup_role"`
	Engine       string `json:"engine"`
	Plan         string `json:"plan"`
	ObjectType   string `json:"object_type"`
	Enabled      bool   `json:"enabled"`

	LastResult  string    `json:"last_result"`
	LastRun     time.Time `json:"last_run,omitzero"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	// Error is the product's explanation of the last run, empty after a success.
	Error               string    `json:"error"`
	ConsecutiveFailures int       `json:"consecutive_failures"`
	Running             bool      `json:"running"`
	RunningSince        time.Time `json:"running_since,omitzero"`
	NextRun             time.Time `json:"next_run,omitzero"`
	// AgentOnline is left out if the source knows no agent on the machine.
	AgentOnline   *bool     `json:"agent_online,omitempty"`
	AgentLastSeen time.Time `json:"agent_last_seen,omitzero"`
}

// SourceItem tells how fresh the items of a source are.
type SourceItem struct {
	Source      string    `json:"source"`
	Engine      string    `json:"engine"`
	Up          bool      `json:"up"`
	LastRefresh time.Time `json:"last_refresh,omitzero"`
	Problem     string    `json:"problem,omitempty"`
}

// UnmatchedItem is an Unmatched of a source.
type UnmatchedItem struct {
	Source string `json:"source"`
	Unmatched
}

// ResultsAnswer is the body of GET /api/v1/results.
type ResultsAnswer struct {
	Results []ResultItem `json:"results"`
	Sources []SourceItem `json:"sources"`
	// Unmatched is what products tell without telling of which job, and so of
	// which customer: only where the question narrows neither customer nor machine.
	Unmatched []UnmatchedItem `json:"unmatched,omitempty"`
	// LeftOut counts the results that match and found no room. What fails is
	// left out last.
	LeftOut int `json:"left_out,omitempty"`
}

// The bounds of an answer: in items, where the request names no limit and at
// most, and in bytes, which the receiver does not read to more than 4 MiB.
const (
	defaultResults  = 2_000
	maxResults      = 10_000
	maxResultsBytes = 3 << 20
)

// ResultsHandler answers GET /api/v1/results?customer=&machine=&source=&limit=;
// each parameter narrows, machine without regard to case.
func ResultsHandler(sources func() []*View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, limit, ok := question(w, r, "customer", "machine", "source", "limit")
		if !ok {
			return
		}
		answer := collectResults(sources(), resultsQuestion{q.Get("source"), q.Get("customer"), q.Get("machine"), limit})
		writeJSON(w, answer)
	})
}

// question reads the parameters of a GET, or answers what is wrong with them.
func question(w http.ResponseWriter, r *http.Request, known ...string) (url.Values, int, bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is understood here", http.StatusMethodNotAllowed)
		return nil, 0, false
	}
	q := r.URL.Query()
	for key := range q {
		if !slices.Contains(known, key) {
			http.Error(w, "unknown parameter; known are "+strings.Join(known, ", "), http.StatusBadRequest)
			return nil, 0, false
		}
	}
	limit := defaultResults
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxResults {
			http.Error(w, fmt.Sprintf("limit is not a number from 1 to %d; leave it out for %d", maxResults, defaultResults), http.StatusBadRequest)
			return nil, 0, false
		}
		limit = n
	}
	return q, limit, true
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // the client went away
}

type resultsQuestion struct {
	source, customer, machine string
	limit                     int
}

func (q resultsQuestion) asks(j *Job) bool {
	return (q.customer == "" || j.Customer == q.customer) && (q.machine == "" || strings.EqualFold(CleanName(j.Machine), q.machine))
}

func collectResults(views []*View, q resultsQuestion) ResultsAnswer {
	answer := ResultsAnswer{Results: []ResultItem{}, Sources: []SourceItem{}}
	type place struct{ view, job int }
	var chosen []place
	size := 0
	for _, failing := range []bool{true, false} {
		for n, v := range views {
			if q.source != "" && v.Source != q.source {
				continue
			}
			for i, j := range v.Jobs {
				switch {
				case j.LastResult.Failing() != failing || !q.asks(j):
				case len(chosen) >= q.limit || size >= maxResultsBytes:
					answer.LeftOut++
				default:
					chosen = append(chosen, place{n, i})
					size += sizeOf(j)
				}
			}
		}
	}
	slices.SortFunc(chosen, func(a, b place) int { return cmp.Or(a.view-b.view, a.job-b.job) })
	for _, p := range chosen {
		answer.Results = append(answer.Results, views[p.view].resultItem(views[p.view].Jobs[p.job]))
	}
	for _, v := range views {
		if q.source == "" || v.Source == q.source {
			for i := range v.Unmatched {
				if q.customer == "" && q.machine == "" && len(answer.Unmatched) < q.limit {
					answer.Unmatched = append(answer.Unmatched, UnmatchedItem{v.Source, v.Unmatched[i]})
				}
			}
			answer.Sources = append(answer.Sources, SourceItem{v.Source, v.Engine, v.Up, v.LastRefresh.UTC(), v.Problem})
		}
	}
	return answer
}

// sizeOf is at least how long a job's item is as JSON.
func sizeOf(j *Job) int {
	n := 700
	for _, text := range []string{j.Error, j.CustomerName, j.Customer, j.ID, j.Machine, j.Plan, j.ObjectType} {
		for i := range len(text) {
			switch c := text[i]; {
			case c < ' ' || c == '<' || c == '>' || c == '&' || c >= 0x80:
				n += 6 // at worst \u0000
			case c == '"' || c == '\\':
				n += 2
			default:
				n++
			}
		}
	}
	return n
}

func (v *View) resultItem(j *Job) ResultItem {
	item := resultItem(v.Source, j)
	at, _ := slices.BinarySearchFunc(v.Agents, j.Customer, func(a Agent, customer string) int { return strings.Compare(a.Customer, customer) })
	for ; at < len(v.Agents) && v.Agents[at].Customer == j.Customer; at++ {
		if a := &v.Agents[at]; strings.EqualFold(a.Machine, item.Machine) {
			item.AgentOnline, item.AgentLastSeen = &a.Online, a.LastSeen.UTC()
			break
		}
	}
	return item
}

func resultItem(source string, j *Job) ResultItem {
	return ResultItem{
		Source: source, Customer: j.Customer, CustomerName: j.CustomerName, JobID: j.ID,
		Machine: CleanName(j.Machine), MachineClass: string(j.Class), BackupRole: string(j.Role), Engine: j.Engine,
		Plan: j.Plan, ObjectType: j.ObjectType, Enabled: j.Enabled,
		LastResult: j.LastResult.String(), LastRun: j.LastRun.UTC(), LastSuccess: j.LastSuccess.UTC(),
		Error: j.Error, ConsecutiveFailures: j.Failures,
		Running: j.Running, RunningSince: j.RunningSince.UTC(), NextRun: j.NextRun.UTC(),
	}
}

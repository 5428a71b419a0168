package exporters

import (
	"encoding/json"
	"net/http"
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

// ResultsAnswer is the body of GET /api/v1/results.
type ResultsAnswer struct {
	Results []ResultItem `json:"results"`
	Sources []SourceItem `json:"sources"`
}

// ResultsHandler answers GET /api/v1/results?customer=&machine=&source=; each
// parameter narrows, machine without regard to case.
func ResultsHandler(sources func() []*View) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET is understood here", http.StatusMethodNotAllowed)
			return
		}
		q := r.URL.Query()
		for key := range q {
			if key != "customer" && key != "machine" && key != "source" {
				http.Error(w, "unknown parameter; known are customer, machine, source", http.StatusBadRequest)
				return
			}
		}
		answer := collectResults(sources(), q.Get("source"), q.Get("customer"), q.Get("machine"))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer) // the client went away
	})
}

func collectResults(views []*View, source, customer, machine string) ResultsAnswer {
	answer := ResultsAnswer{Results: []ResultItem{}, Sources: []SourceItem{}}
	for _, v := range views {
		if source != "" && v.Source != source {
			continue
		}
		answer.Sources = append(answer.Sources, SourceItem{v.Source, v.Engine, v.Up, v.LastRefresh.UTC(), v.Problem})
		agents := make(map[agentKey]Agent, len(v.Agents))
		for _, a := range v.Agents {
			agents[agentKey{a.Customer, strings.ToLower(a.Machine)}] = a
		}
		for i := range v.Jobs {
			j := &v.Jobs[i]
			if customer != "" && j.Customer != customer || machine != "" && !strings.EqualFold(CleanName(j.Machine), machine) {
				continue
			}
			item := resultItem(v.Source, j)
			if a, ok := agents[agentKey{j.Customer, strings.ToLower(CleanName(j.Machine))}]; ok {
				item.AgentOnline, item.AgentLastSeen = &a.Online, a.LastSeen.UTC()
			}
			answer.Results = append(answer.Results, item)
		}
	}
	return answer
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

package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Exporter is one backup exporter that explains failures in words.
type Exporter struct {
	// Sources are the names of the sources it reads; none stands for all.
	Sources []string
	// URL is its base address.
	URL *url.URL
	// HTTP makes the requests; it carries credentials and trust.
	HTTP *http.Client
}

// Result is what an exporter says of one job, for people.
type Result struct {
	Source              string    `json:"source"`
	JobID               string    `json:"job_id"`
	Machine             string    `json:"machine"`
	Error               string    `json:"error"`
	ConsecutiveFailures int       `json:"consecutive_failures"`
	AgentLastSeen       time.Time `json:"agent_last_seen"`
	NextRun             time.Time `json:"next_run"`
	LastRun             time.Time `json:"last_run"`
}

// maxResults bounds an exporter's answer.
const maxResults = 4 << 20

// Reads reports whether the exporter reads a source.
func (e Exporter) Reads(source string) bool {
	if len(e.Sources) == 0 {
		return true
	}
	for _, s := range e.Sources {
		if s == source {
			return true
		}
	}
	return false
}

// Alive asks whether the exporter answers at all.
func (e Exporter) Alive(ctx context.Context) error {
	u := *e.URL
	u.Path = strings.TrimSuffix(u.Path, "/") + "/-/healthy"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("exporter: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("exporter %s: %s", e.URL.Redacted(), resp.Status)
	}
	return nil
}

// Results asks what a source says about a customer's jobs.
func (e Exporter) Results(ctx context.Context, source, customer string) ([]Result, error) {
	u := *e.URL
	u.Path = strings.TrimSuffix(u.Path, "/") + "/api/v1/results"
	u.RawQuery = url.Values{"source": {source}, "customer": {customer}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("exporter: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("exporter %s: %s", e.URL.Redacted(), resp.Status)
	}
	var answer struct {
		Results []Result `json:"results"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxResults)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("exporter %s: %w", e.URL.Redacted(), err)
	}
	return answer.Results, nil
}

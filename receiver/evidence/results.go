package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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

// Unmatched is what a product tells of a backup without telling of which.
type Unmatched struct {
	Source string `json:"source"`
	// Open is what the product leaves open: namespace, device, object.
	Open string   `json:"open"`
	What string   `json:"what"` // the product's own id or name of it
	Jobs []string `json:"jobs"` // the ids of those that may be meant; empty if none is known yet
}

// maxUnmatched bounds how many of them are asked for.
const maxUnmatched = 100

// maxResults bounds an exporter's answer.
const maxResults = 4 << 20

// Reads reports whether the exporter reads a source.
func (e Exporter) Reads(source string) bool {
	if len(e.Sources) == 0 {
		return true
	}
	return slices.Contains(e.Sources, source)
}

// Alive asks whether the exporter answers at all.
func (e Exporter) Alive(ctx context.Context) error {
	resp, err := e.get(ctx, "/-/healthy", nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// get asks for a path and takes 200 for an answer.
func (e Exporter) get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	u := *e.URL
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := e.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("exporter: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("exporter %s: %s", e.URL.Redacted(), resp.Status)
	}
	return resp, nil
}

// Results asks what a source says about a customer's jobs.
func (e Exporter) Results(ctx context.Context, source, customer string) ([]Result, error) {
	var answer struct {
		Results []Result `json:"results"`
	}
	err := e.ask(ctx, url.Values{"source": {source}, "customer": {customer}}, &answer)
	return answer.Results, err
}

// Unmatched asks what products tell without telling of which backup.
func (e Exporter) Unmatched(ctx context.Context) ([]Unmatched, error) {
	var answer struct {
		Unmatched []Unmatched `json:"unmatched"`
	}
	err := e.ask(ctx, url.Values{"limit": {strconv.Itoa(maxUnmatched)}}, &answer)
	return answer.Unmatched, err
}

// ask reads an answer of the exporter's interface for people.
func (e Exporter) ask(ctx context.Context, query url.Values, answer any) error {
	resp, err := e.get(ctx, "/api/v1/results", query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxResults)).Decode(answer); err != nil {
		return fmt.Errorf("exporter %s: %w", e.URL.Redacted(), err)
	}
	return nil
}

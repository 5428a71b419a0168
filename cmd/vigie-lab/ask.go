package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/receiver"
)

// asker asks the real programs over their real interfaces.
type asker struct {
	ports Ports
	token string
	http  *http.Client
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

func newAsker(f *Files) (*asker, error) {
	token, err := f.secret(persons()[0])
	return &asker{ports: f.Ports, token: token, http: &http.Client{Timeout: 10 * time.Second}}, err
}

// get reads JSON from a program; into nil only the status counts.
func (a *asker) get(ctx context.Context, base, path string, q url.Values, token string, into any) error {
	u := base + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %.200s", u, resp.Status, strings.TrimSpace(string(body)))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// Incidents are Vigie's incidents, those that ended included, newest first.
func (a *asker) Incidents(ctx context.Context) ([]receiver.Summary, error) {
	var out []receiver.Summary
	err := a.get(ctx, a.ports.Vigie.URL("http"), "/api/v1/incidents", url.Values{"ended": {"true"}}, a.token, &out)
	return out, err
}

// Alert is one alert as Prometheus sees it.
type Alert struct {
	Labels   map[string]string `json:"labels"`
	State    string            `json:"state"` // pending or firing
	ActiveAt time.Time         `json:"activeAt"`
}

// Alerts are those that are pending or firing.
func (a *asker) Alerts(ctx context.Context) ([]Alert, error) {
	var answer struct {
		Data struct {
			Alerts []Alert `json:"alerts"`
		} `json:"data"`
	}
	err := a.get(ctx, a.ports.Prometheus.URL("http"), "/api/v1/alerts", nil, "", &answer)
	return answer.Data.Alerts, err
}

// Results are what the exporter says of all jobs, for people.
func (a *asker) Results(ctx context.Context) ([]exporters.ResultItem, error) {
	var answer exporters.ResultsAnswer
	err := a.get(ctx, a.ports.Exporter.URL("http"), "/api/v1/results", nil, "", &answer)
	return answer.Results, err
}

// value asks Prometheus for the first value of a query.
func (a *asker) value(ctx context.Context, query string) (float64, error) {
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	err := a.get(ctx, a.ports.Prometheus.URL("http"), "/api/v1/query", url.Values{"query": {query}}, "", &answer)
	if err != nil {
		return 0, err
	}
	if len(answer.Data.Result) == 0 {
		return 0, errors.New("nothing yet for " + query)
	}
	return strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
}

// discovered tells whether Prometheus has found its Alertmanager: alerts that
// begin before are sent late.
func (a *asker) discovered(ctx context.Context) error {
	var answer struct {
		Data struct {
			Active []struct{ URL string } `json:"activeAlertmanagers"`
		} `json:"data"`
	}
	if err := a.get(ctx, a.ports.Prometheus.URL("http"), "/api/v1/alertmanagers", nil, "", &answer); err != nil {
		return err
	}
	if len(answer.Data.Active) == 0 {
		return errors.New("no Alertmanager has been found by Prometheus yet")
	}
	return nil
}

// hasUI tells whether this Prometheus was built with its pages.
func (a *asker) hasUI(ctx context.Context) bool {
	return a.get(ctx, a.ports.Prometheus.URL("http"), "/query", nil, "", nil) == nil
}

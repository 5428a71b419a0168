package acronis

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vigie/exporters"
)

const (
	tokenPath = "/api/2/idp/token"
	// renewBefore is when, before its end, Acronis's own examples renew a token.
	renewBefore = 15 * time.Minute
	// unspoken is the life assumed of a token that does not tell its end.
	unspoken = 30 * time.Minute

	maxPages = 20_000
	maxItems = 5_000_000
)

// client reads the services of one data centre.
type client struct {
	http        *exporters.Client
	pageSize    int
	ignoreTotal bool
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	tls, err := c.TLS.Build()
	if err != nil {
		return nil, err
	}
	o := exporters.ClientOptions{
		BaseURL: c.URL.URL, UserAgent: env.UserAgent, PostPaths: []string{tokenPath}, TLS: tls,
		RequestsPerSecond: c.RequestsPerSecond, Concurrency: c.Concurrency, Now: env.Now, Sleep: env.Sleep,
	}
	idp := exporters.NewClient(o)
	tokens := &exporters.TokenCache{RenewBefore: renewBefore, Now: env.Now, Fetch: func(ctx context.Context) (exporters.Token, error) {
		return fetchToken(ctx, idp, c, env.Now)
	}}
	o.Authorize = tokens.Authorize()
	return &client{http: exporters.NewClient(o), pageSize: c.PageSize, ignoreTotal: c.IgnoreTotal}, nil
}

func fetchToken(ctx context.Context, idp *exporters.Client, c *Config, now func() time.Time) (exporters.Token, error) {
	secret, err := c.secret.Read()
	if err != nil {
		return exporters.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonAuth, Err: fmt.Errorf("client secret: %w", err)}
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresOn   float64 `json:"expires_on"` // an absolute unix second
		ExpiresIn   float64 `json:"expires_in"`
	}
	header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.ClientID+":"+secret))}}
	if err := idp.PostForm(ctx, "token", tokenPath, url.Values{"grant_type": {"client_credentials"}}, header, &answer); err != nil {
		return exporters.Token{}, err
	}
	if answer.AccessToken == "" {
		return exporters.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonMalformed, Err: fmt.Errorf("the answer holds no access_token")}
	}
	t := exporters.Token{Value: answer.AccessToken, Expires: now().Add(unspoken)}
	switch {
	case answer.ExpiresOn > 0:
		t.Expires = time.Unix(int64(answer.ExpiresOn), 0)
	case answer.ExpiresIn > 0:
		t.Expires = now().Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	return t, nil
}

// follow says which parameters go along with a cursor; the services differ.
type follow int

const (
	repeatAll   follow = iota // the filters are repeated
	cursorLimit               // only limit and after
	cursorOnly                // only after
)

// list reads a listing to its end or fails.
func list[T any](ctx context.Context, c *client, endpoint, path string, query url.Values, how follow) ([]T, error) {
	q := url.Values{}
	for k, v := range query {
		q[k] = v
	}
	limit := strconv.Itoa(c.pageSize)
	q.Set("limit", limit)
	var items []T
	seen := map[string]bool{}
	var total *int
	for range maxPages {
		var p page[T]
		if err := c.http.GetJSON(ctx, endpoint, path, q, nil, &p); err != nil {
			return nil, err
		}
		items = append(items, p.items...)
		if p.total != nil {
			total = p.total
		}
		if len(items) > maxItems {
			return nil, incomplete(endpoint, "more than %d items", maxItems)
		}
		if p.after == "" {
			if total != nil && len(items) < *total && !c.ignoreTotal {
				return nil, incomplete(endpoint, "the listing ended after %d of %d items", len(items), *total)
			}
			return items, nil
		}
		if seen[p.after] {
			return nil, incomplete(endpoint, "the cursor repeats after %d items", len(items))
		}
		seen[p.after] = true
		switch how {
		case cursorLimit:
			q = url.Values{"limit": {limit}, "after": {p.after}}
		case cursorOnly:
			q = url.Values{"after": {p.after}}
		default:
			q.Set("after", p.after)
		}
	}
	return nil, incomplete(endpoint, "more than %d pages", maxPages)
}

func incomplete(endpoint, format string, args ...any) error {
	return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete, Err: fmt.Errorf(format, args...)}
}

// ownTenant asks to which tenant the API client belongs.
func (c *client) ownTenant(ctx context.Context, clientID string) (string, error) {
	var answer struct {
		TenantID exporters.Text `json:"tenant_id"`
	}
	if err := c.http.GetJSON(ctx, "client", "/api/2/clients/"+url.PathEscape(clientID), nil, nil, &answer); err != nil {
		return "", err
	}
	if answer.TenantID == "" {
		return "", &exporters.SourceError{Endpoint: "client", Reason: exporters.ReasonMalformed, Err: fmt.Errorf("the answer holds no tenant_id")}
	}
	return answer.TenantID.Lower(), nil
}

func (c *client) tenants(root string) func(context.Context) ([]tenant, error) {
	return func(ctx context.Context) ([]tenant, error) {
		return list[tenant](ctx, c, "tenants", "/api/2/tenants", url.Values{"subtree_root_id": {root}}, cursorOnly)
	}
}

func (c *client) resourceStatuses(ctx context.Context) ([]resourceStatus, error) {
	return list[resourceStatus](ctx, c, "resource_statuses", "/api/resource_management/v4/resource_statuses",
		url.Values{"include_attributes": {"true"}}, repeatAll)
}

func (c *client) policies(ctx context.Context) ([]plan, error) {
	return list[plan](ctx, c, "policies", "/api/policy_management/v4/policies", url.Values{"include_settings": {"true"}}, repeatAll)
}

func (c *client) applications(ctx context.Context) ([]application, error) {
	return list[application](ctx, c, "applications", "/api/policy_management/v4/applications", nil, repeatAll)
}

func (c *client) completedTasks(since time.Time) func(context.Context) ([]task, error) {
	return func(ctx context.Context) ([]task, error) {
		return list[task](ctx, c, "tasks", "/api/task_manager/v2/tasks",
			url.Values{"completedAt": {"gt(" + since.UTC().Format(time.RFC3339) + ")"}, "order": {"asc(completedAt)"}}, cursorLimit)
	}
}

func (c *client) startedTasks(ctx context.Context) ([]task, error) {
	return list[task](ctx, c, "tasks_running", "/api/task_manager/v2/tasks", url.Values{"state": {"started"}}, cursorLimit)
}

func (c *client) alerts(ctx context.Context) ([]alert, error) {
	return list[alert](ctx, c, "alerts", "/api/alert_manager/v1/alerts", url.Values{"category": {"Backup"}}, repeatAll)
}

func (c *client) agents(ctx context.Context) ([]agent, error) {
	return list[agent](ctx, c, "agents", "/api/agent_manager/v2/agents", nil, cursorLimit)
}

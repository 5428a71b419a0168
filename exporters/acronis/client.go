package acronis

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
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
	http        *httpclient.Client
	pageSize    int
	ignoreTotal bool
	odd         exporters.Oddities
	some        atomic.Bool // rows of the last whole listing of statuses could not be read
	slim        *slimmer    // of this reading
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	o, err := c.Options(env)
	if err != nil {
		return nil, err
	}
	o.PostPaths = []string{tokenPath}
	idp := httpclient.New(o)
	tokens := &httpclient.TokenCache{RenewBefore: renewBefore, Now: env.Now, Fetch: func(ctx context.Context) (httpclient.Token, error) {
		return fetchToken(ctx, idp, c, env.Now)
	}}
	o.Authorize = tokens.Authorize()
	return &client{http: httpclient.New(o), pageSize: c.PageSize, ignoreTotal: c.IgnoreTotal, slim: newSlimmer()}, nil
}

func fetchToken(ctx context.Context, idp *httpclient.Client, c *Config, now func() time.Time) (httpclient.Token, error) {
	secret, err := c.secret.Read()
	if err != nil {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonAuth, Err: fmt.Errorf("client secret: %w", err)}
	}
	var answer struct {
		AccessToken exporters.Text   `json:"access_token"`
		ExpiresOn   exporters.Number `json:"expires_on"` // an absolute unix second
		ExpiresIn   exporters.Number `json:"expires_in"`
	}
	header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.ClientID+":"+secret))}}
	if err := idp.PostForm(ctx, "token", tokenPath, url.Values{"grant_type": {"client_credentials"}}, header, &answer); err != nil {
		return httpclient.Token{}, err
	}
	if answer.AccessToken == "" {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonMalformed, Err: fmt.Errorf("the answer holds no access_token")}
	}
	t := httpclient.Token{Value: string(answer.AccessToken), Expires: now().Add(unspoken)}
	switch {
	case answer.ExpiresOn.Value > 0:
		t.Expires = time.Unix(int64(answer.ExpiresOn.Value), 0)
	case answer.ExpiresIn.Value > 0:
		t.Expires = now().Add(time.Duration(answer.ExpiresIn.Int()) * time.Second)
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

// query is one listing of one service.
type query[T any] struct {
	endpoint, path string
	filters        url.Values
	follow         follow
	id             func(*T) string
	// slim drops from an item what nobody needs; nil drops nothing.
	slim func(*T)
	// whole marks a listing of what there is. If its total moves while it is
	// read an item may have been skipped, so it is read again.
	whole bool
	// solid marks a listing in which null is no list: were it one, all that
	// there is would look deleted.
	solid bool
	// lossy, if there is one, is told whether rows of the listing were lost.
	lossy *atomic.Bool
}

// maxReadings is how often a list that moves is read; what any of the
// readings saw is taken then.
const maxReadings = 3

// read reads a listing to its end or fails.
func (q query[T]) read(ctx context.Context, c *client) ([]T, error) {
	at := map[string]int{}
	var all []T
	for n := range maxReadings {
		items, moved, err := q.once(ctx, c)
		if err != nil {
			return nil, err
		}
		if n == 0 && !(moved && q.whole) {
			return exact(items), nil
		}
		for i := range items {
			id := q.id(&items[i])
			if n, twice := at[id]; twice && id != "" {
				all[n] = items[i]
				continue
			}
			at[id] = len(all)
			all = append(all, items[i])
		}
		if !moved || !q.whole {
			break
		}
	}
	return all, nil
}

// once reads the pages. Moved tells that the announced total changed on the way.
func (q query[T]) once(ctx context.Context, c *client) (items []T, moved bool, err error) {
	params := url.Values{"limit": {strconv.Itoa(c.pageSize)}}
	maps.Copy(params, q.filters)
	seen, cursors := map[string]bool{}, map[string]bool{}
	var total *int
	extra, lost := 0, false // rows beside the items
	for range maxPages {
		var p page[T]
		if err := c.http.GetJSON(ctx, q.endpoint, q.path, params, nil, &p); err != nil {
			return nil, false, err
		}
		c.odd.Note(q.endpoint, p.Odd...)
		if q.solid && p.Null && (p.total == nil || *p.total > 0) {
			return nil, false, incomplete(q.endpoint, "null stands in place of the list")
		}
		extra, lost = extra+p.Lost, lost || p.Lost > 0
		here := map[string]bool{}
		for i := range p.Items {
			id := q.id(&p.Items[i])
			switch {
			case id == "" && q.lossy != nil:
				c.odd.Note(q.endpoint, "id")
				extra, lost = extra+1, true
				continue
			case id != "" && here[id]:
				c.odd.Note(q.endpoint, "id_twice")
				extra++
				continue
			case id != "" && seen[id]:
				continue // the list moved
			}
			seen[id], here[id] = true, true
			if q.slim != nil {
				q.slim(&p.Items[i])
			}
			items = append(items, p.Items[i])
		}
		if p.total != nil {
			moved = moved || total != nil && *total != *p.total
			total = p.total
		}
		if len(items) > maxItems {
			return nil, false, incomplete(q.endpoint, "more than %d items", maxItems)
		}
		if p.after == "" {
			// A list that lost an item on the way may end with one less.
			if total != nil && len(items)+extra < *total && !moved && !c.ignoreTotal {
				return nil, false, incomplete(q.endpoint, "the listing ended after %d of %d items", len(items), *total)
			}
			if q.lossy != nil {
				q.lossy.Store(lost)
			}
			return items, moved, nil
		}
		if cursors[p.after] {
			return nil, false, incomplete(q.endpoint, "the cursor repeats after %d items", len(items))
		}
		cursors[p.after] = true
		switch q.follow {
		case cursorLimit:
			params = url.Values{"limit": params["limit"], "after": {p.after}}
		case cursorOnly:
			params = url.Values{"after": {p.after}}
		default:
			params.Set("after", p.after)
		}
	}
	return nil, false, incomplete(q.endpoint, "more than %d pages", maxPages)
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

// The listings that take an instant give what changed after it, or all there
// is for the zero time.

func (c *client) tenants(ctx context.Context, root string, since time.Time) ([]tenant, error) {
	q := query[tenant]{endpoint: "tenants", path: "/api/2/tenants", filters: url.Values{"subtree_root_id": {root}}, follow: cursorOnly,
		id: (*tenant).key, whole: since.IsZero()}
	if !since.IsZero() {
		q.filters.Set("updated_since", since.UTC().Format(time.RFC3339))
		q.filters.Set("allow_deleted", "true")
	}
	return q.read(ctx, c)
}

const statusesPath = "/api/resource_management/v4/resource_statuses"

func (c *client) resourceStatuses(ctx context.Context, since time.Time) ([]resourceStatus, error) {
	q := query[resourceStatus]{endpoint: "resource_statuses", path: statusesPath, filters: url.Values{"include_attributes": {"true"}},
		id: (*resourceStatus).key, slim: c.slim.status, whole: since.IsZero(), solid: since.IsZero()}
	if since.IsZero() {
		q.lossy = &c.some
	} else {
		q.filters.Set("updated_at", "gt("+since.UTC().Format(time.RFC3339Nano)+")")
	}
	return q.read(ctx, c)
}

// idsAtOnce bounds a question for single resources: addresses have a limit.
const idsAtOnce = 50

// statusesOf reads the statuses of some resources.
func (c *client) statusesOf(ctx context.Context, ids []string) ([]resourceStatus, error) {
	var all []resourceStatus
	for some := range slices.Chunk(ids, idsAtOnce) {
		q := query[resourceStatus]{endpoint: "resource_statuses", path: statusesPath,
			filters: url.Values{"include_attributes": {"true"}, "resource_id": {"or(" + strings.Join(some, ",") + ")"}}, id: (*resourceStatus).key, slim: c.slim.status}
		items, err := q.read(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// slimmer keeps of what is listed by the thousand one copy of each text that
// repeats.
type slimmer struct {
	mu    sync.Mutex // endpoints are read side by side
	texts map[string]string
}

func newSlimmer() *slimmer { return &slimmer{texts: map[string]string{}} }

func text[T ~string](m *slimmer, s *T) {
	one, known := m.texts[string(*s)]
	if !known {
		one = string(*s)
		m.texts[one] = one
	}
	*s = T(one)
}

func (m *slimmer) status(r *resourceStatus) {
	r.digest()
	m.mu.Lock()
	defer m.mu.Unlock()
	text(m, &r.Context.ID)
	text(m, &r.Context.Name)
	text(m, &r.Context.UserDefinedName)
	text(m, &r.Context.AgentID)
	text(m, &r.Aggregate.Names)
	text(m, &r.Aggregate.Status)
	text(m, &r.Context.Type)
	text(m, &r.Context.TenantID)
	for i := range r.Policies {
		p := &r.Policies[i]
		text(m, &p.PolicyID)
		text(m, &p.Name)
		text(m, &p.Type)
		text(m, &p.Status)
	}
}

func (m *slimmer) application(a *application) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text(m, &a.Context.ID)
	text(m, &a.Policy.ID)
	text(m, &a.Policy.Type)
	text(m, &a.Policy.Name)
}

func (m *slimmer) agent(a *agent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text(m, &a.ID)
	text(m, &a.Hostname)
	for _, s := range []*exporters.Text{&a.Tenant.ID, &a.Tenant.UUID} {
		text(m, s)
	}
	text(m, &a.Tenant.Name)
	text(m, &a.Tenant.Locator)
	text(m, &a.Platform.Family)
}

func (c *client) policies(ctx context.Context) ([]plan, error) {
	return query[plan]{endpoint: "policies", path: "/api/policy_management/v4/policies", filters: url.Values{"include_settings": {"true"}}, id: (*plan).key, whole: true}.read(ctx, c)
}

func (c *client) applications(ctx context.Context) ([]application, error) {
	all, err := query[application]{endpoint: "applications", path: "/api/policy_management/v4/applications", id: (*application).key, slim: c.slim.application, whole: true}.read(ctx, c)
	// Only backups are held in memory.
	all = slices.DeleteFunc(all, func(a application) bool { return !strings.HasPrefix(strings.ToLower(a.Policy.Type), anyBackup) })
	return exact(all), err
}

// exact gives back the room that a list grew into and does not need.
func exact[T any](items []T) []T {
	if cap(items)-len(items) > len(items)/16 {
		return append(make([]T, 0, len(items)), items...)
	}
	return items
}

func (c *client) completedTasks(ctx context.Context, since time.Time) ([]task, error) {
	return query[task]{endpoint: "tasks", path: "/api/task_manager/v2/tasks",
		filters: url.Values{"completedAt": {"gt(" + since.UTC().Format(time.RFC3339) + ")"}, "order": {"asc(completedAt)"}}, follow: cursorLimit, id: (*task).key}.read(ctx, c)
}

func (c *client) startedTasks(ctx context.Context) ([]task, error) {
	return query[task]{endpoint: "tasks_running", path: "/api/task_manager/v2/tasks", filters: url.Values{"state": {"started"}}, follow: cursorLimit, id: (*task).key}.read(ctx, c)
}

func (c *client) alerts(ctx context.Context, since time.Time) ([]alert, error) {
	q := query[alert]{endpoint: "alerts", path: "/api/alert_manager/v1/alerts", filters: url.Values{"category": {"Backup"}}, id: (*alert).key}
	if !since.IsZero() {
		// Nanoseconds; the filter means raised or dismissed since.
		q.filters.Set("updated_at", "gt("+strconv.FormatInt(since.UnixNano(), 10)+")")
		q.filters.Set("show_deleted", "true")
	}
	return q.read(ctx, c)
}

func (c *client) agents(ctx context.Context) ([]agent, error) {
	all, err := query[agent]{endpoint: "agents", path: "/api/agent_manager/v2/agents", follow: cursorLimit, id: (*agent).key, slim: c.slim.agent, whole: true}.read(ctx, c)
	return exact(all), err
}

// refused tells whether a tenant keeps something to itself, as one that serves
// itself does, or is gone.
func refused(err error) bool {
	var se *exporters.SourceError
	return errors.As(err, &se) && (se.Reason == exporters.ReasonForbidden || se.Reason == exporters.ReasonNotFound)
}

// usages reads what tenants use. One tenant's refusal refuses a whole
// question, so its neighbours are asked for one by one then.
func (c *client) usages(ctx context.Context, tenants []string) ([]usage, error) {
	var all []usage
	denied := 0
	for some := range slices.Chunk(tenants, idsAtOnce) {
		items, err := c.usagesOf(ctx, some)
		if refused(err) && len(some) > 1 {
			items, err = nil, nil
			for _, one := range some {
				own, oneErr := c.usagesOf(ctx, []string{one})
				if refused(oneErr) {
					denied++
					continue
				}
				if oneErr != nil {
					return nil, oneErr
				}
				items = append(items, own...)
			}
			if denied >= len(tenants) {
				_, err = c.usagesOf(ctx, some[:1]) // refused to all: a right is missing
			}
		}
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

func (c *client) usagesOf(ctx context.Context, tenants []string) ([]usage, error) {
	var p page[usage]
	if err := c.http.GetJSON(ctx, "usages", "/api/2/tenants/usages", url.Values{"tenants": {strings.Join(tenants, ",")}}, nil, &p); err != nil {
		return nil, err
	}
	if p.after != "" {
		return nil, incomplete("usages", "the answer for %d tenants comes in pages", len(tenants))
	}
	var all []usage
	for _, u := range p.Items {
		if len(u.Usages) == 0 {
			all = append(all, u)
			continue
		}
		for _, inner := range u.Usages {
			inner.TenantUUID = cmp.Or(inner.TenantUUID, u.TenantUUID, u.Tenant)
			all = append(all, inner)
		}
	}
	return all, nil
}

// trials reads until when tenants are on trial; those that refuse are left out.
func (c *client) trials(ctx context.Context, tenants []string) ([]trial, error) {
	var all []trial
	for _, id := range tenants {
		t := trial{tenant: id}
		err := c.http.GetJSON(ctx, "pricing", "/api/2/tenants/"+url.PathEscape(id)+"/pricing", nil, nil, &t)
		if refused(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

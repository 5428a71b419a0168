package veeam

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

const (
	tokenPath  = "/api/oauth2/token"
	logoutPath = "/api/oauth2/logout"
	// renewBefore is at most a quarter of a token's life, which is 15 minutes.
	renewBefore = 3 * time.Minute
	// unspoken is the life assumed of a token that does not tell its end.
	unspoken = 10 * time.Minute

	maxItems   = 2_000_000
	maxReReads = 3
)

// client reads one server.
type client struct {
	config *Config
	now    func() time.Time
	idp    *httpclient.Client // for tokens: does not authorize itself
	http   *httpclient.Client
	tokens *httpclient.TokenCache

	odd       exporters.Oddities
	jobsWhole bool // the last listing of jobs had no row that cannot be read

	mu      sync.Mutex
	version string // the revision spoken, empty before it is known
	refresh string // single use
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	o, err := c.Options(env)
	if err != nil {
		return nil, err
	}
	o.PostPaths = []string{tokenPath, logoutPath}
	cl := &client{config: c, now: env.Now, idp: httpclient.New(o)}
	if c.APIVersion != "auto" {
		cl.version = c.APIVersion
	}
	cl.tokens = &httpclient.TokenCache{RenewBefore: renewBefore, Now: env.Now, Fetch: cl.token}
	o.Authorize = cl.tokens.Authorize()
	cl.http = httpclient.New(o)
	return cl, nil
}

// lowest is understood by every server that this program supports, and so
// serves to ask a server what it is.
const lowest = "1.1-rev0"

func (c *client) header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.version
	if v == "" {
		v = lowest
	}
	return http.Header{"X-Api-Version": {v}}
}

// token renews by the refresh token, since each password grant opens a
// session and their number is limited, and by the password where that fails.
func (c *client) token(ctx context.Context) (httpclient.Token, error) {
	c.mu.Lock()
	refresh := c.refresh
	c.refresh = ""
	c.mu.Unlock()
	if refresh != "" {
		t, err := c.grant(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
		if err == nil {
			return t, nil
		}
	}
	password, err := c.config.Password()
	if err != nil {
		return httpclient.Token{}, err
	}
	return c.grant(ctx, url.Values{"grant_type": {"password"}, "username": {c.config.Username}, "password": {password}})
}

func (c *client) grant(ctx context.Context, form url.Values) (httpclient.Token, error) {
	var answer struct {
		AccessToken  exporters.Text   `json:"access_token"`
		RefreshToken exporters.Text   `json:"refresh_token"`
		ExpiresIn    exporters.Number `json:"expires_in"`
	}
	err := c.idp.PostForm(ctx, "token", tokenPath, form, c.header(), &answer)
	var se *exporters.SourceError
	if errors.As(err, &se) && se.Status == http.StatusBadRequest {
		se.Reason = exporters.ReasonAuth // how the server refuses a wrong password
	}
	if err != nil {
		return httpclient.Token{}, err
	}
	if answer.AccessToken == "" {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "token", Reason: exporters.ReasonMalformed, Err: errors.New("the answer holds no access_token")}
	}
	life := unspoken
	if answer.ExpiresIn.Value > 0 {
		life = time.Duration(answer.ExpiresIn.Int()) * time.Second
	}
	c.mu.Lock()
	c.refresh = string(answer.RefreshToken)
	c.mu.Unlock()
	return httpclient.Token{Value: string(answer.AccessToken), Expires: c.now().Add(life)}, nil
}

// logout ends the session on the server.
func (c *client) logout(ctx context.Context) error {
	token := c.tokens.Current()
	if token == "" {
		return nil
	}
	h := c.header()
	h.Set("Authorization", "Bearer "+token)
	return c.idp.Post(ctx, "logout", logoutPath, h)
}

// negotiate asks the server for its version once and picks the revision.
func (c *client) negotiate(ctx context.Context) error {
	c.mu.Lock()
	known := c.version != ""
	c.mu.Unlock()
	if known {
		return nil
	}
	var info serverInfo
	if err := c.http.GetJSON(ctx, "serverInfo", "/api/v1/serverInfo", nil, c.header(), &info); err != nil {
		return err
	}
	v, err := revisionOf(string(info.BuildVersion))
	if err != nil {
		return &exporters.SourceError{Endpoint: "serverInfo", Reason: exporters.ReasonMalformed, Err: err}
	}
	c.mu.Lock()
	c.version = v
	c.mu.Unlock()
	return nil
}

// revisionOf gives the newest revision that a server of this build speaks.
func revisionOf(build string) (string, error) {
	parts := strings.Split(build, ".")
	if len(parts) < 2 {
		return "", fmt.Errorf("%q is no version", build)
	}
	var n [3]int
	for i := range min(3, len(parts)) {
		v, err := strconv.Atoi(parts[i])
		if err != nil {
			return "", fmt.Errorf("%q is no version", build)
		}
		n[i] = v
	}
	for _, r := range []struct {
		from     [3]int
		revision string
	}{
		{[3]int{13, 1, 0}, "1.3-rev2"}, {[3]int{13, 0, 1}, "1.3-rev1"}, {[3]int{13, 0, 0}, "1.3-rev0"},
		{[3]int{12, 3, 1}, "1.2-rev1"}, {[3]int{12, 3, 0}, "1.2-rev0"},
		{[3]int{12, 2, 0}, "1.1-rev2"}, {[3]int{12, 1, 0}, "1.1-rev1"}, {[3]int{12, 0, 0}, "1.1-rev0"},
	} {
		if n[0] != r.from[0] && n[0] > r.from[0] || n[0] == r.from[0] && (n[1] > r.from[1] || n[1] == r.from[1] && n[2] >= r.from[2]) {
			return r.revision, nil
		}
	}
	return "", fmt.Errorf("server version %s is older than 12, the oldest that this program reads", build)
}

// list reads a listing to its end or fails. Pages are counted by skip over a
// list that moves meanwhile: what was read must make up the total that every
// page announced, otherwise it is read again. Rows that cannot be read, and ids
// that the server gives twice, cost those rows alone; whole tells that there were
// none.
func list[T any](ctx context.Context, c *client, endpoint, path string, query url.Values, id func(*T) string) ([]T, bool, error) {
	var before *reading[T]
	for range maxReReads {
		r, err := readOnce(ctx, c, endpoint, path, query, id)
		if err != nil {
			return nil, false, err
		}
		// A list that moves does not come out twice with the same doubles.
		if r.settled || r.ended && before != nil && before.ended && maps.Equal(before.seen, r.seen) {
			return r.items, r.lost == 0, nil
		}
		before = r
	}
	return nil, false, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete,
		Err: fmt.Errorf("the list did not come out whole in %d readings", maxReReads)}
}

// some is list where a row that is missing does not look like one that is gone.
func some[T any](ctx context.Context, c *client, endpoint, path string, query url.Values, id func(*T) string) ([]T, error) {
	items, _, err := list(ctx, c, endpoint, path, query, id)
	return items, err
}

// reading is one pass over the pages of a listing.
type reading[T any] struct {
	items   []T
	seen    map[string]int // how often each id came
	lost    int            // rows without an id, or that are none
	ended   bool           // as many rows came as every page announced
	settled bool           // and no id came on two pages
}

func readOnce[T any](ctx context.Context, c *client, endpoint, path string, query url.Values, id func(*T) string) (*reading[T], error) {
	q := url.Values{}
	maps.Copy(q, query)
	q.Set("limit", strconv.Itoa(c.config.PageSize))
	r := &reading[T]{seen: map[string]int{}}
	total, read, moved := -1, 0, false
	for {
		q.Set("skip", strconv.Itoa(read))
		var p page[T]
		if err := c.http.GetJSON(ctx, endpoint, path, q, c.header(), &p); err != nil {
			return nil, err
		}
		c.odd.Note(endpoint, p.Odd...)
		if !p.told {
			p.total = read + len(p.Items) + p.Lost + min(1, len(p.Items)+p.Lost) // it goes on until a page is empty
		} else if total >= 0 && p.total != total {
			return r, nil // it moved
		}
		total = p.total
		if total > maxItems {
			return nil, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete, Err: fmt.Errorf("more than %d items", maxItems)}
		}
		moved = r.add(&p, c, endpoint, id) || moved
		read += len(p.Items) + p.Lost
		if read >= total || len(p.Items)+p.Lost == 0 {
			r.ended = read == total
			r.settled = r.ended && !moved
			return r, nil
		}
	}
}

// add adds a page, and tells whether something of it stood on an earlier one.
func (r *reading[T]) add(p *page[T], c *client, endpoint string, id func(*T) string) (again bool) {
	here := map[string]bool{}
	r.lost += p.Lost
	for i := range p.Items {
		key := id(&p.Items[i])
		if key == "" {
			c.odd.Note(endpoint, "id")
			r.lost++
			continue
		}
		r.seen[key]++
		if r.seen[key] > 1 {
			again = again || !here[key]
			if here[key] {
				c.odd.Note(endpoint, "id_twice")
			}
			continue
		}
		here[key] = true
		r.items = append(r.items, p.Items[i])
	}
	return again
}

// jobStates notes whether each row of the listing could be read.
func (c *client) jobStates(ctx context.Context) ([]jobState, error) {
	jobs, whole, err := list(ctx, c, "jobs", "/api/v1/jobs/states", url.Values{"orderColumn": {"Name"}, "orderAsc": {"true"}},
		func(j *jobState) string { return j.ID.Lower() })
	c.jobsWhole = whole
	return jobs, err
}

func (c *client) sessions(since time.Time) func(context.Context) ([]session, error) {
	return func(ctx context.Context) ([]session, error) {
		return some(ctx, c, "sessions", "/api/v1/sessions", endedAfter(since), func(s *session) string { return s.ID.Lower() })
	}
}

func (c *client) taskSessions(since time.Time) func(context.Context) ([]taskSession, error) {
	return func(ctx context.Context) ([]taskSession, error) {
		return some(ctx, c, "taskSessions", "/api/v1/taskSessions", endedAfter(since), func(t *taskSession) string { return t.ID.Lower() })
	}
}

func endedAfter(since time.Time) url.Values {
	return url.Values{"endedAfterFilter": {since.UTC().Format(time.RFC3339)}, "orderColumn": {"CreationTime"}, "orderAsc": {"true"}}
}

func (c *client) backups(ctx context.Context) ([]backup, error) {
	return some(ctx, c, "backups", "/api/v1/backups", url.Values{"orderColumn": {"Name"}, "orderAsc": {"true"}}, func(b *backup) string { return b.ID.Lower() })
}

func (c *client) restorePoints(since time.Time) func(context.Context) ([]restorePoint, error) {
	return func(ctx context.Context) ([]restorePoint, error) {
		return some(ctx, c, "restorePoints", "/api/v1/restorePoints",
			url.Values{"createdAfterFilter": {since.UTC().Format(time.RFC3339)}, "orderColumn": {"CreationTime"}, "orderAsc": {"true"}},
			func(p *restorePoint) string { return p.ID.Lower() })
	}
}

func (c *client) repositories(ctx context.Context) ([]repositoryState, error) {
	return some(ctx, c, "repositories", "/api/v1/backupInfrastructure/repositories/states", url.Values{"orderColumn": {"Name"}, "orderAsc": {"true"}},
		func(r *repositoryState) string { return r.ID.Lower() })
}

func (c *client) license(ctx context.Context) ([]license, error) {
	var l license
	if err := c.http.GetJSON(ctx, "license", "/api/v1/license", nil, c.header(), &l); err != nil {
		return nil, err
	}
	return []license{l}, nil
}

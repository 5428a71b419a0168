package veeamem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	loginPath   = "/api/sessionMngr/"
	logoutPath  = "/api/logonSessions/"
	idHeader    = "X-Restsvcsessionid"
	maxReReads  = 3
	maxPages    = 20_000
	loginTime   = 30 * time.Second
	maxLogin    = 1 << 20
	sessionLife = 365 * 24 * time.Hour // the server ends idle sessions by itself: 401
)

// client reads one server.
type client struct {
	config *Config
	now    func() time.Time
	agent  string
	http   *httpclient.Client // only reads
	door   *http.Client       // only logs in and out
	tokens *httpclient.TokenCache

	odd     exporters.Oddities
	mu      sync.Mutex
	session string // names the session for logging out; no secret
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	o, err := c.Options(env)
	if err != nil {
		return nil, err
	}
	cl := &client{config: c, now: env.Now, agent: env.UserAgent}
	cl.door = &http.Client{Timeout: loginTime,
		Transport:     &doorTransport{base: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cl.tokens = &httpclient.TokenCache{Now: env.Now, Fetch: cl.login}
	o.Authorize = cl.authorize
	cl.http = httpclient.New(o)
	return cl, nil
}

// doorTransport lets nothing through but the login and the end of a session.
type doorTransport struct{ base http.RoundTripper }

// RoundTrip refuses whatever could change something else in the product.
func (t *doorTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, id, _ := strings.Cut(r.URL.Path, logoutPath)
	in := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, loginPath)
	out := r.Method == http.MethodDelete && uuid(id)
	if !in && !out {
		return nil, fmt.Errorf("refused to send %s %s: the exporter only reads", r.Method, r.URL.Path)
	}
	return t.base.RoundTrip(r)
}

func uuid(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if r != '-' {
				return false
			}
		case (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F'):
			return false
		}
	}
	return true
}

// authorize adds the session's secret; one that was refused is not used again.
func (c *client) authorize(ctx context.Context, h http.Header, renew bool) error {
	refused := ""
	if renew {
		refused = h.Get(idHeader)
	}
	v, err := c.tokens.Get(ctx, refused)
	if err != nil {
		return err
	}
	h.Set(idHeader, v)
	return nil
}

// login opens a session. Neither password nor answer appears in an error.
func (c *client) login(ctx context.Context) (httpclient.Token, error) {
	fail := func(reason exporters.Reason, status int, err error) (httpclient.Token, error) {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "login", Reason: reason, Status: status, Err: err}
	}
	password, err := c.config.Password()
	if err != nil {
		return httpclient.Token{}, err
	}
	u := c.config.URL.JoinPath(loginPath)
	u.RawQuery = "v=latest"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return fail(exporters.ReasonOther, 0, errors.New("cannot build the request"))
	}
	req.SetBasicAuth(c.config.Username, password)
	resp, body, err := c.knock(req)
	if err != nil {
		return httpclient.Token{}, err
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return fail(exporters.ReasonAuth, resp.StatusCode, nil)
	case resp.StatusCode == http.StatusForbidden:
		return fail(exporters.ReasonForbidden, resp.StatusCode, nil)
	case resp.StatusCode >= 500:
		return fail(exporters.ReasonServer, resp.StatusCode, nil)
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated:
		return fail(exporters.ReasonOther, resp.StatusCode, nil)
	}
	id := resp.Header.Get(idHeader)
	if id == "" {
		return fail(exporters.ReasonMalformed, 0, errors.New("the answer holds no X-RestSvcSessionId"))
	}
	var answer struct{ SessionID exporters.Text }
	_ = json.Unmarshal(body, &answer) // only logging out needs it
	c.mu.Lock()
	c.session = string(answer.SessionID)
	c.mu.Unlock()
	return httpclient.Token{Value: id, Expires: c.now().Add(sessionLife)}, nil
}

// logout ends the session on the server.
func (c *client) logout(ctx context.Context) error {
	secret := c.tokens.Current()
	c.mu.Lock()
	id := c.session
	c.mu.Unlock()
	if secret == "" || !uuid(id) {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.config.URL.JoinPath(logoutPath, id).String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set(idHeader, secret)
	resp, _, err := c.knock(req)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return &exporters.SourceError{Endpoint: "logout", Reason: exporters.ReasonOther, Status: resp.StatusCode}
	}
	return nil
}

func (c *client) knock(req *http.Request) (*http.Response, []byte, error) {
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "application/json")
	resp, err := c.door.Do(req)
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxLogin)); err == nil {
			return resp, body, nil
		}
	}
	reason := exporters.ReasonUnreachable
	var ue *url.Error
	if errors.As(err, &ue) {
		if ue.Timeout() {
			reason = exporters.ReasonTimeout
		}
		err = ue.Err
	}
	return nil, nil, &exporters.SourceError{Endpoint: "login", Reason: reason, Err: err}
}

// list reads a query to its end or fails. Pages are counted over a list that
// may move meanwhile: then it is read again. A row that cannot be read, or that
// the server gives twice each time, costs itself alone.
func list[T any](ctx context.Context, c *client, endpoint, kind string, since time.Time, items func(*page) exporters.Rows[T], id func(*T) string) ([]T, error) {
	q := url.Values{"type": {kind}, "format": {"entities"}, "pageSize": {strconv.Itoa(c.config.PageSize)},
		"filter": {`CreationTime>="` + since.UTC().Format("2006-01-02T15:04:05Z") + `"`}}
	var before map[string]int
	for range maxReReads {
		all, seen, twice, err := readOnce(ctx, c, endpoint, q, items, id)
		if err != nil {
			return nil, err
		}
		// A list that moves does not come out twice with the same doubles.
		if seen != nil && (!twice || before != nil && maps.Equal(before, seen)) {
			return all, nil
		}
		before = seen
	}
	return nil, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete,
		Err: fmt.Errorf("the list did not come out whole in %d readings", maxReReads)}
}

// readOnce reads the pages. Seen tells how often each id came, nil if the list
// moved; twice that one came on two pages.
func readOnce[T any](ctx context.Context, c *client, endpoint string, q url.Values, items func(*page) exporters.Rows[T], id func(*T) string) (all []T, seen map[string]int, twice bool, err error) {
	seen = map[string]int{}
	pages := -1
	for number := 1; ; number++ {
		q.Set("page", strconv.Itoa(number))
		var p page
		if err := c.http.GetJSON(ctx, endpoint, "/api/query", q, nil, &p); err != nil {
			return nil, nil, false, err
		}
		if p.count > maxPages {
			return nil, nil, false, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete, Err: fmt.Errorf("more than %d pages", maxPages)}
		}
		got := items(&p)
		c.odd.Note(endpoint, got.Odd...)
		last := number >= p.count
		if pages >= 0 && p.count != pages || p.count > 0 && p.number != number || !last && len(got.Items)+got.Lost != p.size {
			return nil, nil, false, nil // it moved
		}
		pages = p.count
		here := map[string]bool{}
		for i := range got.Items {
			key := id(&got.Items[i])
			if key == "" {
				c.odd.Note(endpoint, "uid")
				continue
			}
			if seen[key]++; seen[key] > 1 {
				twice = twice || !here[key]
				c.odd.Note(endpoint, "uid_twice")
				continue
			}
			here[key] = true
			all = append(all, got.Items[i])
		}
		if last {
			return all, seen, twice, nil
		}
	}
}

func (c *client) sessions(since time.Time) func(context.Context) ([]session, error) {
	return func(ctx context.Context) ([]session, error) {
		return list(ctx, c, "sessions", "BackupJobSession", since, func(p *page) exporters.Rows[session] { return p.sessions }, func(s *session) string { return bare(s.UID) })
	}
}

func (c *client) tasks(since time.Time) func(context.Context) ([]taskSession, error) {
	return func(ctx context.Context) ([]taskSession, error) {
		return list(ctx, c, "taskSessions", "BackupTaskSession", since, func(p *page) exporters.Rows[taskSession] { return p.tasks }, func(t *taskSession) string { return bare(t.UID) })
	}
}

func (c *client) repositories(ctx context.Context) ([]repository, error) {
	var r repositories
	err := c.http.GetJSON(ctx, "repositories", "/api/repositories", url.Values{"format": {"Entity"}}, nil, &r)
	c.odd.Note("repositories", r.Odd...)
	return r.Items, err
}

// computers are the machines with an agent that the server knows.
func (c *client) computers(ctx context.Context) ([]computer, error) {
	var all computers
	err := c.http.GetJSON(ctx, "agents", "/api/agents/discoveredComputers", url.Values{"format": {"Entity"}}, nil, &all)
	c.odd.Note("agents", all.Odd...)
	return all.Items, err
}

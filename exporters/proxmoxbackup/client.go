package proxmoxbackup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

const (
	usagePath = "/api2/json/status/datastore-usage"
	storePath = "/api2/json/admin/datastore/"
	tasksPath = "/api2/json/nodes/localhost/tasks"

	taskPage     = 500
	maxTaskPages = 400
	// logLines is how much is read of a task's log: the beginning tells where.
	logLines = 20
)

// client reads one server. It only ever sends GET.
type client struct {
	config *Config
	now    func() time.Time
	http   *httpclient.Client
	// spaces tells of each datastore whether it has namespaces, as of its last
	// listing.
	spaces map[string]bool
	// unread are the namespaces that the server itself could not read, as of the last
	// listing: one broken group makes it refuse all of its namespace.
	unread map[space]error
	odd    exporters.Oddities
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	o, err := c.Options(env)
	if err != nil {
		return nil, err
	}
	cl := &client{config: c, now: env.Now, spaces: map[string]bool{}, unread: map[space]error{}}
	o.Concurrency, o.Authorize = 2, cl.authorize
	cl.http = httpclient.New(o)
	return cl, nil
}

func (c *client) authorize(_ context.Context, h http.Header, refused bool) error {
	if refused {
		return &exporters.SourceError{Endpoint: "login", Reason: exporters.ReasonAuth, Status: http.StatusUnauthorized, Err: errors.New("the token or its secret is refused")}
	}
	secret, err := c.config.secret.Read()
	if err != nil {
		return &exporters.SourceError{Endpoint: "login", Reason: exporters.ReasonAuth, Err: fmt.Errorf("secret: %w", err)}
	}
	h.Set("Authorization", "PBSAPIToken="+c.config.TokenID+":"+secret)
	return nil
}

// datastores lists those to read. A datastore without a right for the token
// is not in the list, without a word.
func (c *client) datastores(ctx context.Context) ([]datastore, error) {
	var a answer[datastore]
	if err := c.http.GetJSON(ctx, datastoresName, usagePath, nil, nil, &a); err != nil {
		return nil, err
	}
	c.odd.Note(datastoresName, a.Odd...)
	seen := map[string]bool{}
	var out []datastore
	for _, d := range a.Items {
		name := string(d.Name)
		if name == "" || seen[name] {
			c.odd.Note(datastoresName, "store")
			continue
		}
		seen[name] = true
		if len(c.config.Datastores) == 0 || slices.Contains(c.config.Datastores, name) {
			out = append(out, d)
		}
	}
	for _, name := range c.config.Datastores {
		if !seen[name] {
			return nil, &exporters.SourceError{Endpoint: datastoresName, Reason: exporters.ReasonNotFound,
				Err: fmt.Errorf("the token does not see the datastore %s; give it DatastoreAudit there", name)}
		}
	}
	if len(out) == 0 {
		// What a token may not see looks like an empty server.
		return nil, &exporters.SourceError{Endpoint: datastoresName, Reason: exporters.ReasonForbidden, Err: errors.New("the token sees no datastore; give it DatastoreAudit")}
	}
	return out, nil
}

// snapshots reads the given datastores completely.
func (c *client) snapshots(stores []datastore) func(context.Context) ([]snapshot, error) {
	return func(ctx context.Context) ([]snapshot, error) {
		var out []snapshot
		clear(c.unread)
		read := 0
		for i := range stores {
			if stores[i].offline() {
				continue
			}
			all, spaces, err := c.store(ctx, string(stores[i].Name))
			if err != nil {
				return nil, err
			}
			out, read = append(out, all...), read+spaces
		}
		if err := c.notRead(); err != nil && read == 0 {
			return nil, err
		}
		return out, nil
	}
}

// store reads a datastore; read counts its namespaces that could be.
func (c *client) store(ctx context.Context, store string) (out []snapshot, read int, err error) {
	names, err := c.namespaces(ctx, store)
	if err != nil {
		return nil, 0, c.own(space{store: store}, err)
	}
	c.spaces[store] = !slices.Equal(names, []string{""})
	for _, ns := range names {
		all, err := c.namespace(ctx, store, ns)
		if err != nil {
			left, again := c.namespaces(ctx, store)
			if again == nil && ns != "" && !slices.Contains(left, ns) {
				continue // it was deleted meanwhile
			}
			if err := c.own(space{store, ns}, err); err != nil {
				return nil, 0, err
			}
			continue
		}
		out, read = append(out, all...), read+1
	}
	return out, read, nil
}

// own notes an error that is the server's own trouble with one place, which costs the
// others nothing; it gives back any other.
func (c *client) own(at space, err error) error {
	var refused *exporters.SourceError
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return err
	}
	c.unread[at] = fmt.Errorf("%s: %w", at, err)
	return nil
}

// notRead tells of one of the places that could not be read, the first by name.
func (c *client) notRead() error {
	if len(c.unread) == 0 {
		return nil
	}
	first := slices.MinFunc(slices.Collect(maps.Keys(c.unread)), func(a, b space) int { return cmp.Compare(a.String(), b.String()) })
	return &exporters.SourceError{Endpoint: snapshotsName, Reason: exporters.ReasonServer, Err: c.unread[first]}
}

// namespaces lists those of a datastore that the token may read; the root is the
// empty name, and among them unless it may read some below it only. Servers before
// 2.2 have no others.
func (c *client) namespaces(ctx context.Context, store string) (names []string, err error) {
	var a answer[namespace]
	err = c.http.GetJSON(ctx, "namespaces", storePath+url.PathEscape(store)+"/namespace", nil, nil, &a)
	if exporters.ReasonOf(err) == exporters.ReasonNotFound {
		return []string{""}, nil
	}
	if err != nil {
		return nil, err
	}
	c.odd.Note("namespaces", a.Odd...)
	for _, n := range a.Items {
		if !slices.Contains(names, string(n.NS)) {
			names = append(names, string(n.NS))
		}
	}
	if len(names) == 0 {
		names = []string{""} // a list without even the root: none but it
	}
	return names, nil
}

func (c *client) namespace(ctx context.Context, store, ns string) ([]snapshot, error) {
	q := url.Values{}
	if ns != "" {
		q.Set("ns", ns)
	}
	var a answer[snapshot]
	if err := c.http.GetJSON(ctx, snapshotsName, storePath+url.PathEscape(store)+"/snapshots", q, nil, &a); err != nil {
		return nil, err
	}
	for i := range a.Items {
		a.Items[i].store, a.Items[i].ns = store, ns
	}
	c.odd.Note(snapshotsName, a.Odd...)
	// A group outlives its snapshots, so one that cannot be read makes none vanish.
	return slices.DeleteFunc(a.Items, func(s snapshot) bool {
		bad := s.Type == "" || s.ID == "" || s.Time.IsZero()
		if bad {
			c.odd.Note(snapshotsName, "backup-id")
		}
		return bad
	}), nil
}

// tasks lists the backups that the server worked on since the given instant.
// New ones do not move the pages: the list ends now.
func (c *client) tasks(ctx context.Context) ([]task, error) {
	now := c.now()
	q := url.Values{"typefilter": {"backup"}, "limit": {strconv.Itoa(taskPage)},
		"since": {strconv.FormatInt(now.Add(-time.Duration(c.config.TaskLookback)).Unix(), 10)}, "until": {strconv.FormatInt(now.Unix(), 10)}}
	bad := func(what string) ([]task, error) {
		return nil, &exporters.SourceError{Endpoint: tasksName, Reason: exporters.ReasonIncomplete, Err: errors.New(what)}
	}
	var out []task
	seen := map[string]bool{}
	start := 0
	for range maxTaskPages {
		q.Set("start", strconv.Itoa(start))
		var a answer[task]
		if err := c.http.GetJSON(ctx, tasksName, tasksPath, q, nil, &a); err != nil {
			return nil, err
		}
		fresh := 0
		c.odd.Note(tasksName, a.Odd...)
		rows := len(a.Items) + a.Lost
		for _, t := range a.Items {
			if t.UPID == "" {
				c.odd.Note(tasksName, "upid")
				continue
			}
			if upid := string(t.UPID); !seen[upid] {
				seen[upid] = true
				fresh++
				out = append(out, t)
			}
		}
		start += rows
		switch {
		case len(a.Items) > 0 && fresh == 0:
			return bad("the pages repeat")
		case a.total.Told && start >= a.total.Int(), !a.total.Told && rows < taskPage:
			return out, nil
		case rows == 0:
			return bad(fmt.Sprintf("the list ends after %d of %d", start, a.total.Int()))
		}
	}
	return bad(fmt.Sprintf("more than %d pages", maxTaskPages))
}

// whereOf reads in a task's log which group it worked for. A log that says
// nothing of it is an error that another try does not mend.
func (c *client) whereOf(ctx context.Context, t *task) (groupKey, error) {
	var a answer[logLine]
	path := tasksPath + "/" + url.PathEscape(string(t.UPID)) + "/log"
	if err := c.http.GetJSON(ctx, logsName, path, url.Values{"start": {"0"}, "limit": {strconv.Itoa(logLines)}}, nil, &a); err != nil {
		return groupKey{}, err
	}
	key, ok := place(a.Items)
	bare, _ := t.group()
	if !ok || key.store != bare.store || key.kind != bare.kind || key.id != bare.id {
		return groupKey{}, &exporters.SourceError{Endpoint: logsName, Reason: exporters.ReasonMalformed, Err: errors.New("the log of a task does not tell its namespace")}
	}
	return key, nil
}

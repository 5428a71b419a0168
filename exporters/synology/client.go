package synology

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/httpclient"
)

const (
	infoPath    = "/webapi/query.cgi"
	infoAPI     = "SYNO.API.Info"
	authAPI     = "SYNO.API.Auth"
	hyperAPI    = "SYNO.Backup.Task"
	targetAPI   = "SYNO.Backup.Target"
	activeAPI   = "SYNO.ActiveBackup.Task"
	overviewAPI = "SYNO.ActiveBackup.Overview"
	sessionName = "VigieBackupExporter"
	// sessionLife is not told: DSM ends a session by itself and says 119.
	sessionLife = 365 * 24 * time.Hour
	maxAnswer   = 64 << 20
)

// The answers of DSM that are more than a failure.
const (
	codeNoAPI       = 102
	codeNoMethod    = 103
	codeNoVersion   = 104
	codeNoRight     = 105
	codeNoParameter = 402 // an older DSM does not know `additional`
)

// sessionLost are the codes after which a new session helps: it timed out,
// a second login took its place, it is not known.
func sessionLost(code int) bool { return code == 106 || code == 107 || code == 119 }

// client reads one NAS.
type client struct {
	config *Config
	now    func() time.Time
	http   *httpclient.Client
	tokens *httpclient.TokenCache
	apis   map[string]apiInfo
	odd    exporters.Oddities
	some   bool // tasks of this reading could not be read
}

type apiInfo struct {
	Path exporters.Text
	Min  exporters.Number `json:"minVersion"`
	Max  exporters.Number `json:"maxVersion"`
}

func newClient(c *Config, env exporters.SourceOptions) (*client, error) {
	o, err := c.Options(env)
	if err != nil {
		return nil, err
	}
	cl := &client{config: c, now: env.Now}
	cl.tokens = &httpclient.TokenCache{Now: env.Now, Fetch: cl.login}
	o.Allow, o.Concurrency, o.MaxBody = onlyReads, 1, maxAnswer
	cl.http = httpclient.New(o)
	return cl, nil
}

// onlyReads lets the named questions through and nothing else: in this
// interface a GET can delete.
func onlyReads(r *http.Request, form url.Values) bool {
	if len(form["api"]) != 1 || len(form["method"]) != 1 || !strings.HasSuffix(r.URL.Path, ".cgi") {
		return false
	}
	switch form.Get("api") + " " + form.Get("method") {
	case infoAPI + " query":
		return r.Method == http.MethodGet
	case authAPI + " login", authAPI + " logout", hyperAPI + " list", hyperAPI + " status", targetAPI + " get", activeAPI + " list", overviewAPI + " list_device_transfer_size":
		return r.Method == http.MethodPost
	}
	return false
}

// answer is what every call gives, with HTTP status 200 even for errors.
type answer struct {
	Success exporters.Flag
	Data    json.RawMessage
	Error   struct{ Code exporters.Number }
}

// fault is an answer by which DSM refuses.
type fault struct{ code int }

func (f *fault) Error() string { return "DSM answers error " + strconv.Itoa(f.code) }

func refusal(endpoint string, code int) error {
	reason := exporters.ReasonOther
	switch code {
	case codeNoAPI, codeNoMethod, codeNoVersion:
		reason = exporters.ReasonNotFound
	case codeNoRight:
		reason = exporters.ReasonForbidden
	}
	return &exporters.SourceError{Endpoint: endpoint, Reason: reason, Err: &fault{code}}
}

func malformed(endpoint, what string) error {
	return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonMalformed, Err: errors.New(what)}
}

// read takes an answer apart.
func (a *answer) read(endpoint string, out any) error {
	switch {
	case !a.Success.Told:
		return malformed(endpoint, "the answer does not say whether it is one")
	case a.Success.Off():
		return refusal(endpoint, a.Error.Code.Int())
	case out == nil:
		return nil
	case len(a.Data) == 0:
		return malformed(endpoint, "the answer is empty")
	}
	if _, err := exporters.Lenient(a.Data, out); err != nil {
		return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonMalformed, Err: err}
	}
	return nil
}

var cgiPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.cgi$`)

// discover asks where the interfaces are: paths and versions differ from DSM
// to DSM, and packages come and go.
func (c *client) discover(ctx context.Context) error {
	var a answer
	wanted := []string{authAPI, hyperAPI, targetAPI, activeAPI, overviewAPI}
	q := url.Values{"api": {infoAPI}, "version": {"1"}, "method": {"query"}, "query": {strings.Join(wanted, ",")}}
	if err := c.http.GetJSON(ctx, "info", infoPath, q, nil, &a); err != nil {
		return err
	}
	var apis map[string]apiInfo
	if err := a.read("info", &apis); err != nil {
		return err
	}
	for _, name := range wanted {
		i, known := apis[name]
		if known && !cgiPath.MatchString(string(i.Path)) {
			return malformed("info", fmt.Sprintf("the path of %s is none", exporters.CleanName(name)))
		}
	}
	c.apis = apis
	return nil
}

// ask sends one question. A lost session is opened anew once and the same
// question repeated.
func (c *client) ask(ctx context.Context, endpoint, api, method string, form url.Values, out any) error {
	refused := ""
	for {
		sid, err := c.tokens.Get(ctx, refused)
		if err != nil {
			return err
		}
		err = c.post(ctx, endpoint, api, method, 1, sid, form, out)
		var f *fault
		if !errors.As(err, &f) || !sessionLost(f.code) {
			return err
		}
		if refused != "" {
			// Not as a fault: this concerns more than one question.
			return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonAuth, Err: errors.New("a session that was just opened is refused: " + f.Error())}
		}
		refused = sid
	}
}

// post keeps session and password out of the URL, which servers log.
func (c *client) post(ctx context.Context, endpoint, api, method string, version int, sid string, form url.Values, out any) error {
	i, ok := c.apis[api]
	if !ok {
		return &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonNotFound,
			Err: fmt.Errorf("the NAS has no %s; is the package installed and running, and may the account use it?", api)}
	}
	f := url.Values{"api": {api}, "method": {method}, "version": {strconv.Itoa(max(i.Min.Int(), min(version, i.Max.Int())))}}
	if sid != "" {
		f.Set("_sid", sid)
	}
	maps.Copy(f, form)
	var a answer
	if err := c.http.PostJSON(ctx, endpoint, "/webapi/"+string(i.Path), f, &a); err != nil {
		return err
	}
	return a.read(endpoint, out)
}

// loginFaults are for people: most need a hand on the NAS.
func loginFault(code int) string {
	switch code {
	case 400:
		return "account or password are wrong"
	case 401:
		return "the account is switched off"
	case 402:
		return "the account may not sign in"
	case 403, 404, 406:
		return "the account asks for a second factor; take one without"
	case 407:
		return "the NAS blocks this address"
	case 408, 409, 410:
		return "the password has expired"
	default:
		return "the login was refused"
	}
}

func (c *client) login(ctx context.Context) (httpclient.Token, error) {
	password, err := c.config.password.Read()
	if err != nil {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "login", Reason: exporters.ReasonAuth, Err: fmt.Errorf("password: %w", err)}
	}
	var data struct{ SID exporters.Text }
	err = c.post(ctx, "login", authAPI, "login", 6, "", url.Values{"account": {c.config.Account}, "passwd": {password}, "session": {sessionName}, "format": {"sid"}}, &data)
	var f *fault
	if errors.As(err, &f) {
		return httpclient.Token{}, &exporters.SourceError{Endpoint: "login", Reason: exporters.ReasonAuth, Err: fmt.Errorf("%s: %w", loginFault(f.code), f)}
	}
	if err != nil {
		return httpclient.Token{}, err
	}
	if data.SID == "" {
		return httpclient.Token{}, malformed("login", "the answer holds no session")
	}
	return httpclient.Token{Value: string(data.SID), Expires: c.now().Add(sessionLife)}, nil
}

func (c *client) logout(ctx context.Context) error {
	sid := c.tokens.Current()
	if sid == "" {
		return nil
	}
	return c.post(ctx, "logout", authAPI, "logout", 6, sid, url.Values{"session": {sessionName}}, nil)
}

// additional are the facts of a task's status to ask for by name.
const additional = `["last_bkp_time","last_bkp_end_time","last_bkp_success_time","next_bkp_time","last_bkp_result","last_bkp_error","last_bkp_error_code","schedule"]`

// hyperTasks lists the tasks of Hyper Backup and asks for the status of each.
// A status that DSM refuses to tell leaves what the list told, and its reason.
func (c *client) hyperTasks(ctx context.Context) ([]hyperTask, error, error) {
	var l listing[hyperTask]
	if err := c.ask(ctx, hyperName, hyperAPI, "list", nil, &l); err != nil {
		return nil, nil, err
	}
	tasks, err := l.whole(c, hyperName, "task_list", func(t *hyperTask) string { return string(t.ID) })
	if err != nil {
		return nil, nil, err
	}
	var refused error
	plain := false
	for i := range tasks {
		t := &tasks[i]
		var status hyperTask
		form := url.Values{"task_id": {string(t.ID)}, "blOnline": {"false"}}
		if !plain {
			form.Set("additional", additional)
		}
		err := c.ask(ctx, statusName, hyperAPI, "status", form, &status)
		var f *fault
		if errors.As(err, &f) && f.code == codeNoParameter && !plain {
			plain = true
			form.Del("additional")
			err = c.ask(ctx, statusName, hyperAPI, "status", form, &status)
		}
		switch {
		case err == nil:
			t.merge(&status)
		case errors.As(err, &f):
			refused = err // such as a task that was deleted meanwhile
		default:
			return nil, nil, err
		}
	}
	return tasks, refused, nil
}

// targets asks whether each destination can be reached.
func (c *client) targets(tasks []hyperTask) func(context.Context) ([]target, error) {
	return func(ctx context.Context) ([]target, error) {
		var out []target
		for i := range tasks {
			t := target{task: &tasks[i]}
			err := c.ask(ctx, targetName, targetAPI, "get", url.Values{"task_id": {string(tasks[i].ID)}, "additional": {`["is_online","used_size"]`}}, &t)
			var f *fault
			if errors.As(err, &f) && f.code == codeNoParameter {
				err = c.ask(ctx, targetName, targetAPI, "get", url.Values{"task_id": {string(tasks[i].ID)}}, &t)
			}
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
		return out, nil
	}
}

func (c *client) activeTasks(ctx context.Context) ([]activeTask, error) {
	var l listing[activeTask]
	form := url.Values{"load_status": {"true"}, "load_result": {"true"}, "load_devices": {"true"}, "load_versions": {"true"}, "filter": {"{}"}}
	if err := c.ask(ctx, activeName, activeAPI, "list", form, &l); err != nil {
		return nil, err
	}
	// A list that comes in parts is asked for from where it ended.
	for have := l.lists["tasks"]; l.total.Told && have.Count() < l.total.Int() && len(have.Items) > 0; have = l.lists["tasks"] {
		form.Set("offset", strconv.Itoa(have.Count()))
		form.Set("limit", strconv.Itoa(l.total.Int()-have.Count()))
		var next listing[activeTask]
		if err := c.ask(ctx, activeName, activeAPI, "list", form, &next); err != nil {
			return nil, err
		}
		more := next.lists["tasks"]
		if more.Count() == 0 || len(more.Items) > 0 && more.Items[0].ID == have.Items[0].ID {
			break // it knows no parts: the list is not whole
		}
		have.Items, have.Lost, have.Odd = append(have.Items, more.Items...), have.Lost+more.Lost, append(have.Odd, more.Odd...)
		l.lists["tasks"] = have
	}
	return l.whole(c, activeName, "tasks", func(t *activeTask) string { return string(t.ID) })
}

// whole gives the items, unless some are missing. A task that cannot be read, or
// that has no id of its own, is left out.
func (l *listing[T]) whole(c *client, endpoint, list string, id func(*T) string) ([]T, error) {
	rows, ok := l.lists[list]
	if !ok || rows.Null && l.total.Value > 0 || rows.Unreadable(l.total) {
		return nil, malformed(endpoint, "there is no "+list+" in it")
	}
	if l.total.Told && l.total.Int() != rows.Count() {
		return nil, &exporters.SourceError{Endpoint: endpoint, Reason: exporters.ReasonIncomplete, Err: fmt.Errorf("%d of %d tasks came", rows.Count(), l.total.Int())}
	}
	c.odd.Note(endpoint, rows.Odd...)
	c.some = c.some || rows.Lost > 0
	seen := map[string]bool{}
	items := slices.DeleteFunc(rows.Items, func(item T) bool {
		key := id(&item)
		switch {
		case key == "":
			c.odd.Note(endpoint, "task_id")
			c.some = true
		case seen[key]:
			c.odd.Note(endpoint, "task_id_twice")
		default:
			seen[key] = true
			return false
		}
		return true
	})
	return slices.Clip(items), nil
}

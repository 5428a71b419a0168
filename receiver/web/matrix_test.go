package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"vigie/rules/act"
	"vigie/rules/model"
)

// matrix says for every route of the router who may ask for it: v viewer, o operator,
// m manager, c a customer's own person about what is his; "open" is for whoever comes
// (a link in a mail, a login, what is known to everybody), "machines" is for machines
// with tokens of their own.
var matrix = map[string]string{
	"POST /api/v1/alertmanager": "machines", "GET /metrics": "machines", "GET /api/v1/inventory": "machines",
	"GET /api/v1/openapi.json": "open", "GET /-/healthy": "open", "GET /-/ready": "open", "GET /a/{token}": "open", "POST /a/{token}": "open",
	"GET /runbooks/": "open", "GET /runbooks/{alert}": "open", "GET /docs/": "open", "GET /docs/{page:[a-zA-Z0-9/_-]+}": "open", "GET /docs/pictures/{name:[a-z0-9-]+}.png": "open",
	"GET /": "open", "GET /login": "open", "GET /login/provider": "open", "GET /login/answer": "open", "POST /login": "open",
	"POST /logout": "open", "POST /preferences": "open", "GET /static/{name}": "open", "GET /changes": "open",

	"GET /api/v1/today": "vomc", "GET /today": "vomc", "GET /api/v1/incidents/{id}/overview": "vomc", "GET /incidents/{id}": "vomc",
	"GET /api/v1/queue": "vom", "GET /queue": "vom", "GET /api/v1/calls": "vom", "GET /calls": "vom",
	"GET /api/v1/machines": "vomc", "GET /machines": "vomc", "GET /api/v1/calendar": "vomc", "GET /calendar": "vomc",
	"GET /api/v1/calendar/night": "vomc", "GET /calendar/night": "vomc", "GET /api/v1/customers": "vom", "GET /customers": "vom",
	"GET /api/v1/reports": "vomc", "GET /reports": "vomc", "GET /api/v1/reports/statement": "vomc", "GET /reports/statement": "vomc",
	"GET /api/v1/reports/dossier": "vomc", "GET /reports/dossier": "vomc", "GET /api/v1/reports/noise": "vom", "GET /reports/noise": "vom",
	"GET /api/v1/restore-tests": "vom", "GET /restore-tests": "vom", "POST /api/v1/restore-tests": "om", "POST /restore-tests": "om",
	"GET /signals": "omc", "GET /api/v1/signals": "omc", "GET /api/v1/policy": "vom", "GET /policy": "vom", "GET /api/v1/chain": "vom", "GET /chain": "vom",
	"POST /api/v1/signals": "omc", "GET /api/v1/incidents": "vomc", "GET /api/v1/incidents/{id}": "vomc",
	"GET /api/v1/incidents/{id}/journal": "vom", "GET /api/v1/incidents/{id}/explain": "vom", "POST /api/v1/incidents/{id}/acts": "omc",
	"GET /api/v1/messages": "vom", "POST /api/v1/messages/retry": "om", "GET /api/v1/mails": "vom", "POST /api/v1/mails/{id}/settle": "om",
	"GET /mails": "vom", "POST /api/v1/mails/{id}/assign": "om", "POST /mails/{id}/assign": "om", "POST /mails/{id}/settle": "om",
	"POST /-/reload": "m", "PUT /-/reload": "m",
	"POST /incidents/{id}/{purpose}": "omc", "POST /signals": "omc", "POST /today/acts": "om",
}

// roleOf is somebody of each role in the example.
var roleOf = map[string]string{"v": "boss", "o": "adm1", "m": "vijay", "c": "it.dupont"}

// Every route that the router knows stands in the matrix, and is answered 403 to
// each role that it is not for and 401 or the login to whoever is nobody.
func TestEveryRouteHasItsRoles(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	router, ok := d.server.Config.Handler.(*mux.Router)
	if !ok {
		t.Fatal("the pages are no router")
	}
	known := map[string]bool{}
	err := router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := r.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := r.GetMethods()
		if err != nil {
			t.Errorf("%s takes every method", path)
		}
		for _, method := range methods {
			if method != http.MethodHead || !slices.Contains(methods, http.MethodGet) {
				known[method+" "+path] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for route := range known {
		if matrix[route] == "" {
			t.Errorf("%s stands in no matrix: say for whom it is", route)
		}
	}
	browsers := map[string]*browser{"": d.browser("")}
	for role, person := range roleOf {
		browsers[role] = d.browser(person)
	}
	for route, who := range matrix {
		if !known[route] {
			t.Errorf("the matrix has %s, which the router does not know", route)
		}
		if who == "open" || who == "machines" {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", "i1", "{purpose}", "note").Replace(path)
		if strings.HasSuffix(path, "/statement") || strings.HasSuffix(path, "/dossier") { // of one customer
			path += "?customer=dupont"
		}
		for role, b := range browsers {
			code := d.knock(b, role, method, path)
			switch {
			case role == "" && code != http.StatusUnauthorized && code != http.StatusSeeOther && code != http.StatusOK,
				role == "" && strings.HasPrefix(path, "/api") && code != http.StatusUnauthorized:
				t.Errorf("%s without a login: %d", route, code)
			case role != "" && (code == http.StatusForbidden) == strings.Contains(who, role), code == http.StatusUnauthorized && role != "":
				t.Errorf("%s as %s: %d; it is for %s", route, roleOf[role], code, who)
			}
		}
	}
}

// knock asks for a route in the way that it is for: pages with a login, else a token.
func (d *desk) knock(b *browser, role, method, path string) int {
	d.t.Helper()
	if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/-/") {
		if method == http.MethodPost {
			code, text := b.post(path, url.Values{})
			if role == "" && strings.Contains(text, `name="password"`) {
				return http.StatusSeeOther
			}
			return code
		}
		code, text := b.get(path)
		if role == "" && !strings.Contains(text, `name="password"`) {
			return http.StatusInternalServerError // it was shown
		}
		return code
	}
	token := "token-of-" + roleOf[role]
	if role == "" {
		token = "nobody's"
	}
	return d.bear(token, method, path, map[string]any{"nonsense": 1})
}

// bear sends a request with a token.
func (d *desk) bear(token, method, path string, body any) int {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequest(method, d.server.URL+path, strings.NewReader(string(text)))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if strings.Contains(string(said), "0001-01-01T") || strings.Contains(string(said), ":null") {
		d.t.Errorf("%s %s: what has no time, or is not known, is left out: %s", method, path, said)
	}
	return resp.StatusCode
}

// Every act and every form of one, for each role, on an incident that is his and on
// another customer's: by token and on the page alike.
func TestEveryActHasItsRoles(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	acts := map[string]act.Role{"v": act.Viewer, "o": act.Operator, "m": act.Manager, "c": act.Customer}
	for role, person := range roleOf {
		b := d.browser(person)
		for _, a := range act.Table() {
			for id, own := range map[string]bool{"i1": true, "i2": role != "c"} {
				want := a.May(acts[role]) && own
				body := map[string]any{"verb": a.Verb, "fields": map[string]string{"nonsense": "x"}}
				if code := d.bear("token-of-"+person, http.MethodPost, "/api/v1/incidents/"+id+"/acts", body); (code != http.StatusForbidden) != want {
					t.Errorf("%s on %s as %s: %d, allowed: %t", a.Verb, id, person, code, want)
				}
				for _, f := range a.Forms {
					if code, _ := b.post("/incidents/"+id+"/"+f.Purpose, url.Values{"nonsense": {"x"}}); (code != http.StatusForbidden) != want {
						t.Errorf("the form %s on %s as %s: %d, allowed: %t", f.Purpose, id, person, code, want)
					}
				}
			}
		}
	}
}

// What has no time is left out of every answer of the API, and no field bears the
// program's own spelling.
func TestNothingSaysTheYearOne(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	d.fires(model.Labels{"alertname": "BackupSizeDrop", "kind": "warning", "machine": "NAS-01"}, nil)
	b := d.browser("vijay")
	for _, purpose := range []string{"take", "note"} {
		b.post("/incidents/i1/"+purpose, url.Values{"text": {"seen"}, "note": {"seen"}})
	}
	for route, who := range matrix {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || !strings.HasPrefix(path, "/api/v1/") || who == "machines" {
			continue
		}
		path = strings.NewReplacer("{id}", "i1").Replace(path)
		switch {
		case strings.HasSuffix(path, "/night"):
			path += "?customer=dupont&machine=SRV-AD&day=2026-03-09"
		case strings.HasSuffix(path, "/statement"), strings.HasSuffix(path, "/dossier"):
			path += "?customer=dupont"
		}
		code, text := d.api("token-of-vijay", path)
		if code != http.StatusOK || strings.Contains(text, "0001-01-01") {
			t.Errorf("%s is answered %d, or says the year 1:\n%.1500s", path, code, text)
		}
		var any any
		if err := json.Unmarshal([]byte(text), &any); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if key := goSpelling(any); key != "" {
			t.Errorf("%s has the field %q", path, key)
		}
	}
}

// goSpelling finds a field that begins with a capital; the names of maps are data.
func goSpelling(value any) string {
	switch v := value.(type) {
	case []any:
		for _, x := range v {
			if key := goSpelling(x); key != "" {
				return key
			}
		}
	case map[string]any:
		for k, x := range v {
			if k == "At" || k == "Rank" || k == "ID" || k == "Name" || k == "Reason" {
				return k
			}
			if key := goSpelling(x); key != "" {
				return key
			}
		}
	}
	return ""
}

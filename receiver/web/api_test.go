package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"vigie/receiver"
	"vigie/rules/model"
)

// contract holds requests and answers against the description of the API. A schema of
// OpenAPI 3.1 is one of JSON Schema 2020-12, so a validator of that is all it takes;
// kin-openapi reads 3.1 as if it were 3.0, where a type is one word and what stands
// beside a $ref is lost.
type contract struct {
	*desk
	schemas *jsonschema.Compiler
	doc     document
}

// document is the description as far as the test itself reads it.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   struct {
				Type    string
				Enum    []string
				Maximum int
			}
		}
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any
		}
	}
}

func newContract(t *testing.T, d *desk) *contract {
	t.Helper()
	resp, err := http.Get(d.server.URL + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{desk: d, schemas: jsonschema.NewCompiler()}
	if err := json.Unmarshal(text, &c.doc); err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("openapi/testdata/openapi-3.1-schema.json")
	if err != nil {
		t.Fatal(err)
	}
	whole := decoded(t, text)
	c.schemas.AssertFormat()
	c.resource("openapi.json", strict(decoded(t, text)))
	c.resource("oas31.json", decoded(t, published))
	c.holds("oas31.json", whole, "the description")
	return c
}

func decoded(t testing.TB, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %.500s", err, text)
	}
	return v
}

// strict takes a field that is not described for a fault.
func strict(v any) any {
	switch v := v.(type) {
	case map[string]any:
		_, says := v["additionalProperties"]
		if _, is := v["properties"].(map[string]any); is && !says && v["type"] == "object" {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			strict(x)
		}
	case []any:
		for _, x := range v {
			strict(x)
		}
	}
	return v
}

func (c *contract) resource(name string, v any) {
	c.t.Helper()
	if err := c.schemas.AddResource("https://vigie.example/"+name, v); err != nil {
		c.t.Fatal(err)
	}
}

// holds fails unless a value is as a schema says.
func (c *contract) holds(schema string, v any, what string) {
	c.t.Helper()
	s, err := c.schemas.Compile("https://vigie.example/" + schema)
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	if err := s.Validate(v); err != nil {
		c.t.Errorf("%s is not as it is described: %v", what, err)
	}
}

// asks sends a request and holds what is answered against the description, and what
// is sent when it is to be taken.
func (c *contract) asks(person, method, path string, body any, want int) string {
	c.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequest(method, c.server.URL+path, bytes.NewReader(sent))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := (bearing{"token-of-" + person}).RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	what := fmt.Sprintf("%s %s as %s", method, path, person)
	if resp.StatusCode != want {
		c.t.Errorf("%s is answered %d, not %d: %.1000s", what, resp.StatusCode, want, answer)
		return string(answer)
	}
	template := c.template(path)
	at := "openapi.json#/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(template) + "/" + strings.ToLower(method)
	at = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at)
	c.holds(fmt.Sprintf("%s/responses/%d/content/application~1json/schema", at, want), decoded(c.t, answer), what)
	if body != nil && want == http.StatusOK {
		c.holds(at+"/requestBody/content/application~1json/schema", decoded(c.t, sent), "the body of "+what)
	}
	return string(answer)
}

// template is the path of the description that a request is for.
func (c *contract) template(path string) string {
	c.t.Helper()
	path, _, _ = strings.Cut(path, "?")
	best := ""
	for t := range c.doc.Paths {
		form := regexp.MustCompile("^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(t), "[^/]+") + "$")
		if form.MatchString(path) && (best == "" || t == path) {
			best = t
		}
	}
	if best == "" {
		c.t.Fatalf("%s is not described", path)
	}
	return best
}

// good is a request of a description's path that can be answered.
func good(path string) string {
	path = strings.NewReplacer("{id}", "i1").Replace(path)
	switch {
	case strings.HasSuffix(path, "/night"):
		return path + "?customer=dupont&machine=SRV-AD&day=2026-03-09"
	case strings.HasSuffix(path, "/statement"), strings.HasSuffix(path, "/dossier"):
		return path + "?customer=dupont"
	case strings.HasSuffix(path, "/policy"):
		return path + "?labels=" + url.QueryEscape("customer=dupont,machine=SRV-AD,machine_class=server,backup_role=primary")
	}
	return path
}

// The description is OpenAPI 3.1, has every request that the server routes below
// /api/ and no other, and every answer of every kind of person is as it says.
func TestTheAPIIsAsItIsDescribed(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, map[string]string{"error": "the disk is full", "consecutive_failures": "2"})
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.fires(model.Labels{"alertname": "BackupSizeDrop", "kind": "warning", "machine": "NAS-01"}, nil)
	c := newContract(t, d)
	c.acts("i1", "take", "adm1", nil)
	c.acts("i1", "note", "adm1", model.Labels{"note": "seen"})
	for path, methods := range c.doc.Paths {
		if _, reads := methods["get"]; !reads || path == "/api/v1/inventory" || strings.HasPrefix(path, "/-/") {
			continue
		}
		for _, role := range "vomc" {
			want := http.StatusOK
			if who := matrix["GET "+path]; who != "open" && !strings.ContainsRune(who, role) {
				want = http.StatusForbidden
			}
			c.asks(roleOf[string(role)], http.MethodGet, good(path), nil, want)
		}
	}
	sent := map[string]any{"verb": "note", "fields": map[string]any{"note": "called"}}
	c.asks("adm1", http.MethodPost, "/api/v1/incidents/i1/acts", sent, http.StatusOK)
	c.asks("it.dupont", http.MethodPost, "/api/v1/incidents/i1/acts", map[string]any{"verb": "assign", "fields": map[string]any{"to": "adm2"}}, http.StatusForbidden)
	c.asks("adm1", http.MethodPost, "/api/v1/incidents/i1/acts", map[string]any{"verb": "escalate"}, http.StatusUnprocessableEntity)
	c.asks("adm1", http.MethodPost, "/api/v1/incidents/i77/acts", sent, http.StatusNotFound)
	c.asks("adm1", http.MethodPost, "/api/v1/messages/retry", map[string]any{}, http.StatusOK)
	c.asks("adm1", http.MethodPost, "/api/v1/restore-tests", map[string]any{"customer": "dupont", "machine": "SRV-AD", "tested_on": "2026-03-09", "result": "ok", "took_minutes": 35}, http.StatusOK)
	c.asks("adm1", http.MethodGet, "/api/v1/restore-tests", nil, http.StatusOK)
	c.asks("adm1", http.MethodPost, "/api/v1/signals", map[string]any{"kind": "user_assistance", "customer": "dupont", "machine": "SRV-AD", "by": "lea", "text": "a file is gone"}, http.StatusOK)
	c.asks("vijay", http.MethodPost, "/-/reload", nil, http.StatusOK)
	c.asks("adm1", http.MethodGet, "/api/v1/incidents/i2/overview", nil, http.StatusOK)
	c.routed(d.server.Config.Handler.(*mux.Router))
}

// routed holds the paths of the description against those of the router.
func (c *contract) routed(router *mux.Router) {
	c.t.Helper()
	known, ids := map[string]bool{}, map[string]bool{}
	_ = router.Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := r.GetPathTemplate()
		methods, _ := r.GetMethods()
		for _, m := range methods {
			if strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/-/") {
				known[strings.ToLower(m)+" "+path] = true
			}
		}
		return nil
	})
	for path, methods := range c.doc.Paths {
		for method, op := range methods {
			if !known[method+" "+path] {
				c.t.Errorf("%s %s is described and not routed", method, path)
			}
			if ids[op.OperationID] {
				c.t.Errorf("two operations are called %s", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	for request := range known {
		method, path, _ := strings.Cut(request, " ")
		if _, has := c.doc.Paths[path][method]; !has && method != "head" {
			c.t.Errorf("%s is routed and not described", request)
		}
	}
	snake := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for name, s := range c.doc.Components.Schemas {
		for field := range s.Properties {
			if !snake.MatchString(field) {
				c.t.Errorf("%s has the field %q", name, field)
			}
		}
	}
}

// Each parameter of the description has the bounds that the server holds.
func TestParametersAreAsTheyAreDescribed(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	c := newContract(t, d)
	for path, methods := range c.doc.Paths {
		if !strings.Contains(matrix["GET "+path], "m") || matrix["GET "+path] == "machines" {
			continue
		}
		with := func(name, value string, want int) {
			t.Helper()
			base, query, _ := strings.Cut(good(path), "?")
			q, _ := url.ParseQuery(query)
			q.Set(name, value)
			if code, text := c.api("token-of-vijay", base+"?"+q.Encode()); code != want {
				t.Errorf("%s with %s=%s is answered %d, not %d: %.300s", path, name, value, code, want, text)
			} else if want != http.StatusOK && refusedField(t, text) != name {
				t.Errorf("%s with %s=%s does not name it: %.300s", path, name, value, text)
			}
		}
		with("nonsense", "1", http.StatusUnprocessableEntity)
		for _, p := range methods["get"].Parameters {
			switch {
			case p.In != "query":
			case p.Schema.Maximum > 0:
				with(p.Name, "0", http.StatusUnprocessableEntity)
				with(p.Name, fmt.Sprint(p.Schema.Maximum+1), http.StatusUnprocessableEntity)
				with(p.Name, fmt.Sprint(p.Schema.Maximum), http.StatusOK)
			case len(p.Schema.Enum) > 0:
				with(p.Name, "nonsense", http.StatusUnprocessableEntity)
				for _, word := range p.Schema.Enum {
					with(p.Name, word, http.StatusOK)
				}
			case p.Schema.Type == "boolean":
				with(p.Name, "perhaps", http.StatusUnprocessableEntity)
				with(p.Name, "false", http.StatusOK)
			case p.Required:
				with(p.Name, "", http.StatusUnprocessableEntity)
			}
		}
	}
}

// refusedField is the field that an answer of the API refuses.
func refusedField(t *testing.T, text string) string {
	t.Helper()
	var p struct{ Field string }
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
	return p.Field
}

// What is wrong with the body of a request names the field that is at fault.
func TestTheAPINamesTheFieldItRefuses(t *testing.T) {
	d := newDesk(t, "activeprolearn", "access:\n  managers: [lead]\n")
	d.probe(model.Labels{"alertname": "MoodleCronLate", "signal": "functional_probe", "platform": "lms-A", "severity": "major"})
	c := newContract(t, d)
	for field, x := range map[string]struct {
		path string
		body map[string]any
	}{
		"kind":          {"/api/v1/signals", map[string]any{"kind": "telegram", "platform": "lms-A"}},
		"platform":      {"/api/v1/signals", map[string]any{"kind": "emergency_means", "means": "phone"}},
		"means":         {"/api/v1/signals", map[string]any{"kind": "emergency_means", "platform": "lms-A", "means": "pigeon"}},
		"received_at":   {"/api/v1/signals", map[string]any{"kind": "emergency_means", "platform": "lms-A", "means": "phone", "received_at": tuesday.AddDate(0, 0, -3)}},
		"reason":        {"/api/v1/incidents/i1/acts", map[string]any{"verb": "escalate"}},
		"expected_date": {"/api/v1/incidents/i1/acts", map[string]any{"verb": "forecast", "fields": map[string]any{"today": "no", "reason": "x", "expected_date": "soon"}}},
		"mood":          {"/api/v1/incidents/i1/acts", map[string]any{"verb": "take", "fields": map[string]any{"mood": "good"}}},
		"cause":         {"/api/v1/incidents/i1/acts", map[string]any{"verb": "resolve", "fields": map[string]any{"cause": "gremlins", "data_loss": "none", "note": "x"}}},
		"machine":       {"/api/v1/restore-tests", map[string]any{"customer": "lms-a", "machine": "x", "tested_on": "2026-03-09", "result": "ok"}},
	} {
		text := c.asks("lead", http.MethodPost, x.path, x.body, http.StatusUnprocessableEntity)
		if got := refusedField(t, text); got != field {
			t.Errorf("%s %v is refused for %q, not %q: %s", x.path, x.body, got, field, text)
		}
	}
}

// A machine is found by every name that the inventory knows it by.
func TestTheAPIByAnotherName(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	failed := failing(1, d.now())
	failed.Labels["customer"], failed.Labels["machine"] = "dupont", "SRV-AD"
	if err := d.engine.Receive(t.Context(), receiver.Alerts{Fired: []model.Signal{failed}}); err != nil {
		t.Fatal(err)
	}
	for name, found := range map[string]bool{"SRV-AD": true, "srv-ad.dupont.local": true, "srv-fic.martin.local": false} {
		if status, answer := d.api("token-of-adm1", "/api/v1/incidents?machine="+name); status != http.StatusOK || strings.Contains(answer, "SRV-AD") != found {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

// A list of incidents comes in parts, each with the address of the next, and what is
// not there or not taken is answered like any other refusal.
func TestTheAPIInParts(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.opened(5)
	seen := map[string]bool{}
	path := "/api/v1/incidents?limit=2&state=open"
	for parts := 1; ; parts++ {
		req, err := http.NewRequest(http.MethodGet, d.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (bearing{"token-of-adm1"}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var list []struct{ ID string }
		err = json.NewDecoder(resp.Body).Decode(&list)
		resp.Body.Close()
		if err != nil || len(list) > 2 {
			t.Fatalf("%d incidents, %v", len(list), err)
		}
		for _, x := range list {
			seen[x.ID] = true
		}
		next := regexp.MustCompile(`<([^>]*)>; rel="next"`).FindStringSubmatch(resp.Header.Get("Link"))
		if next == nil {
			if parts != 3 || len(seen) != 5 {
				t.Errorf("%d incidents in %d parts", len(seen), parts)
			}
			break
		}
		path = next[1]
	}
	for request, want := range map[string]int{"GET /api/v1/nothing": 404, "DELETE /api/v1/incidents": 405, "GET /api/v1/incidents/i99": 404} {
		method, path, _ := strings.Cut(request, " ")
		req, err := http.NewRequest(method, d.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (bearing{"token-of-adm1"}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Error  string
			Status int
		}
		err = json.NewDecoder(resp.Body).Decode(&p)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || p.Status != want || p.Error == "" {
			t.Errorf("%s is answered %d: %+v, %v", request, resp.StatusCode, p, err)
		}
	}
}

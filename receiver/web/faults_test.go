package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"vigie/receiver/store"
	"vigie/receiver/web"
	"vigie/rules/model"
)

// atFields reads which fields a page marks as being at fault. Each says what is wrong
// beside it, and the first of them alone has the focus.
func atFields(t *testing.T, where, text string) (names []string) {
	t.Helper()
	tree, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	var marked, focused []*html.Node
	for n := range tree.Descendants() {
		a := attributes(n)
		if a["id"] != "" && n.FirstChild != nil {
			said[a["id"]] = strings.TrimSpace(n.FirstChild.Data)
		}
		if a["aria-invalid"] == "true" {
			marked = append(marked, n)
			names = append(names, a["name"])
		}
		if _, has := a["autofocus"]; has {
			focused = append(focused, n)
		}
	}
	for _, n := range marked {
		id, _, _ := strings.Cut(attributes(n)["aria-describedby"], " ")
		if said[id] == "" {
			t.Errorf("%s: %s is marked, and %q says nothing", where, attributes(n)["name"], id)
		}
	}
	if len(marked) > 0 && (len(focused) != 1 || focused[0] != marked[0]) {
		t.Errorf("%s: %d fields have the focus, or not the first at fault", where, len(focused))
	}
	return names
}

func attributes(n *html.Node) map[string]string {
	out := map[string]string{}
	for _, a := range n.Attr {
		out[a.Key] = a.Val
	}
	return out
}

// covers: T8; whatever is wrong with a form is said at the field that it is about, which
// has the focus: on the pages, behind the links of mails and on the emergency entry.
func TestFaultsAreSaidAtTheField(t *testing.T) {
	d, path := linkDesk(t, "synomega")
	d.fires(nil, nil)
	d.fires(model.Labels{"machine": "PC-LEA", "machine_class": "workstation"}, nil)
	d.acts("i1", "take", "adm2", nil)
	d.came(store.Mail{ID: "m1", From: "who@elsewhere.example", Text: "hello", Reason: "it has no sender"})
	entry := httptest.NewServer(web.NewEmergency(web.Options{Engine: d.engine, Now: d.now, Person: func(string) (string, bool) { return "", false }}))
	defer entry.Close()
	in, out := d.browser("sup"), d.browser("")
	for _, c := range []struct {
		b    *browser
		to   string
		form url.Values
		want []string
	}{
		{in, "/signals", nil, []string{"machine", "by", "text"}},
		{in, "/signals", url.Values{"kind": {"user_assistance/"}, "machine": {"SRV-AD"}, "by": {"x"}, "text": {"x"}, "received": {"soon"}}, []string{"machine", "received"}},
		{in, "/restore-tests", nil, []string{"machine", "day", "result"}},
		{in, "/mails/m1/assign", url.Values{"as": {"note"}}, []string{"incident"}},
		{in, "/mails/m1/assign", url.Values{"incident": {"99"}, "as": {"note"}}, []string{"incident"}},
		{in, "/today/acts", url.Values{"purpose": {"assign"}, "id": {"i1"}, "back": {"/today"}}, []string{"to"}},
		{in, "/today/acts", url.Values{"purpose": {"note"}, "id": {"i1"}, "back": {"/today"}}, []string{"text"}},
		{in, "/today/acts", url.Values{"id": {"i1"}, "back": {"/today"}}, []string{"purpose"}},
		{in, "/incidents/i1/forecast_no", nil, []string{"reason", "expected_date"}},
		{in, "/incidents/i1/forecast_no", url.Values{"reason": {"x"}, "expected_date": {"2020-01-01"}}, []string{"expected_date"}},
		{in, "/incidents/i1/silence", url.Values{"until": {"2020-01-01T10:00"}}, []string{"comment"}},
		{in, "/incidents/i1/take", nil, []string{"force"}},
		{in, "/incidents/i2/answer", url.Values{"result": {"away"}}, []string{"until"}},
		{in, "/incidents/i2/call", nil, []string{"outcome"}},
		{out, "/login", url.Values{"person": {"sup"}}, []string{"password"}},
		{out, path("i1", "forecast_no", false, "sup", "adm1"), nil, []string{"who", "reason", "expected_date"}},
		{out, path("i1", "forecast_no", false, "sup"), url.Values{"reason": {"x"}, "expected_date": {"2020-01-01"}}, []string{"expected_date"}},
		{out, path("i1", "take", false, "sup"), nil, []string{"force"}},
		{out, path("i2", "answer", true, "lea"), nil, []string{"result"}},
		{out, path("i2", "answer", true, "lea"), url.Values{"result": {"away"}}, []string{"until"}},
	} {
		_, text := c.b.post(c.to, c.form)
		where := c.to[:min(len(c.to), 30)] + " " + c.form.Encode()
		if got := atFields(t, where, text); !slices.Equal(got, c.want) {
			t.Errorf("%s marks %v, not %v:\n%s", where, got, c.want, text)
		}
	}
	_, text := in.get("/policy?labels=customer")
	if got := atFields(t, "policy", text); !slices.Equal(got, []string{"labels"}) {
		t.Errorf("the policy's trial marks %v", got)
	}
	resp, err := http.PostForm(entry.URL+"/secours", url.Values{"who": {"Eve"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var whole strings.Builder
	_ = resp.Write(&whole)
	if got := atFields(t, "emergency", whole.String()); resp.StatusCode != http.StatusUnprocessableEntity || !slices.Equal(got, []string{"text"}) {
		t.Errorf("the emergency entry answers %d and marks %v", resp.StatusCode, got)
	}
}

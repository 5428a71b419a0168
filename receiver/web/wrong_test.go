package web_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vigie/rules/act"
	"vigie/rules/model"
)

// What a request of the API says wrongly is refused by one form everywhere, with the
// parameter and the cure, and nothing of it is passed over.
func TestNoWrongRequestIsTaken(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.prom = recorded(t, map[string]map[string]string{"SRV-AD": {"2026-03-09": "ok"}, "SRV-NEW": {"2026-03-08": "ok"}})
	d.fires(nil, nil)
	gone := model.Labels{"customer": "gone", "machine": "SRV-GONE"}
	d.fires(gone, nil)
	d.acts("i2", "close", "vijay", model.Labels{"reason": "duplicate"})
	night := "calendar/night?day=2026-03-09&"
	for path, want := range map[string][2]string{ // the parameter, and words of the cure
		"today?page=1&page=2":                               {"page", "given 2 times"},
		"incidents?state=open&state=open":                   {"state", "given 2 times"},
		"reports?month=2026-02&month=2026-01":               {"month", "given 2 times"},
		"incidents?customer=%zz":                            {"", "not readable"},
		"machines?show=all;customer=dupont":                 {"", "not readable"},
		"today?show=foo":                                    {"show", "known are all, mine"},
		"calendar?show=faling":                              {"show", `did you mean "failing"?`},
		"incidents/i1/explain?language=klingon":             {"language", "known are en, fr"},
		"reports/statement?language=xx":                     {"language", "known are en, fr"},
		"machines?customer=dupond":                          {"customer", `did you mean "dupont"?`},
		"calendar?customer=dupond":                          {"customer", `did you mean "dupont"?`},
		"restore-tests?customer=dupond":                     {"customer", `did you mean "dupont"?`},
		"incidents?customer=dupond":                         {"customer", `did you mean "dupont"?`},
		"reports/statement?customer=dupond":                 {"customer", `did you mean "dupont"?`},
		"reports/noise?platform=nowhere":                    {"platform", "unknown platform"},
		"incidents?platform=nowhere":                        {"platform", "unknown platform"},
		"incidents?scenario=nothing":                        {"scenario", "unknown scenario"},
		"incidents?backup_role=primry":                      {"backup_role", `did you mean "primary"?`},
		"incidents?page=7&customer=dupond":                  {"customer", `did you mean "dupont"?`},
		night + "customer=dupond&machine=SRV-AD":            {"customer", `did you mean "dupont"?`},
		night + "customer=dupont&machine=SRV-AB":            {"machine", `did you mean "SRV-AD"?`},
		"calendar/night?customer=dupont&machine=SRV-AD":     {"day", "required are customer, machine, day"},
		night + "machine=SRV-AD":                            {"customer", "required are customer, machine, day"},
		"reports/dossier":                                   {"customer", "required are customer"},
		"policy?labels=foo":                                 {"labels", "write name=value"},
		"policy?labels=customer%3Ddupont,customer%3Dmartin": {"labels", "given 2 times"},
	} {
		code, text := d.api("token-of-vijay", "/api/v1/"+path)
		if code != http.StatusUnprocessableEntity || refusedField(t, text) != want[0] || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), want[1]) {
			t.Errorf("%s is answered %d: %.400s; want the field %q and %q", path, code, text, want[0], want[1])
		}
	}
	// What nobody listed and is watched all the same is known.
	for _, path := range []string{night + "customer=dupont&machine=SRV-NEW", "calendar?customer=dupont&q=nothing", "machines?customer=dupont&q=nothing", "incidents?customer=martin",
		"incidents?customer=gone", "incidents?customer=gone&state=open&page=3", night + "customer=gone&machine=SRV-GONE", "incidents?machine=SRV-NEW", "incidents?key=any", "incidents?backup_role=copy", "restore-tests?customer=martin"} {
		if code, text := d.api("token-of-vijay", "/api/v1/"+path); code != http.StatusOK {
			t.Errorf("%s is answered %d: %s", path, code, text)
		}
	}
}

// Past its end a list is empty and says how many parts it has: whoever reads part after
// part would never come to an end. On a page the last part is shown.
func TestPastTheEndOfAList(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.opened(3)
	for _, path := range []string{"today", "queue", "calls", "machines", "calendar", "customers"} {
		code, text := d.api("token-of-vijay", "/api/v1/"+path+"?page=9")
		if code != http.StatusOK || !strings.Contains(text, `"page":9,"pages":1`) || strings.Contains(text, "SRV-") || strings.Contains(text, `:null`) {
			t.Errorf("%s past its end: %d %.400s", path, code, text)
		}
	}
	code, text := d.browser("vijay").get("/today?page=9")
	must(t, code, text, "SRV-00001")
}

// What is wrong with the body of a request is told by what is missing, and what is
// neither yes nor no is not taken for no.
func TestNoWrongBodyIsTaken(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	c := newContract(t, d)
	whole := map[string]any{"customer": "dupont", "machine": "SRV-AD", "tested_on": "2026-03-09", "result": "ok"}
	but := func(name, value string) map[string]any {
		out := map[string]any{}
		for k, v := range whole {
			out[k] = v
		}
		if out[name] = value; value == "" {
			delete(out, name)
		}
		return out
	}
	fields := func(name, value string) map[string]any {
		return map[string]any{"verb": "take", "fields": map[string]any{name: value}}
	}
	tests, acts := "/api/v1/restore-tests", "/api/v1/incidents/i1/acts"
	for _, x := range []struct {
		path        string
		body        map[string]any
		field, cure string
	}{
		{tests, map[string]any{}, "customer", "customer is missing: required are customer, machine, tested_on, result"},
		{tests, but("machine", ""), "machine", "machine is missing"},
		{tests, but("tested_on", ""), "tested_on", "tested_on is missing"},
		{tests, but("result", ""), "result", "result is missing"},
		{tests, but("customer", "dupond"), "customer", `did you mean "dupont"?`},
		{tests, but("result", "fine"), "result", "unknown test result"},
		{acts, fields("force", "perhaps"), "force", `force "perhaps" is neither yes nor no`},
		{acts, fields("force", "maybe not"), "force", "neither yes nor no"},
	} {
		text := c.asks("adm1", http.MethodPost, x.path, x.body, http.StatusUnprocessableEntity)
		if refusedField(t, text) != x.field || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), x.cure) {
			t.Errorf("%v is answered %s; want the field %q and %q", x.body, text, x.field, x.cure)
		}
	}
	c.acts("i1", "take", "adm1", model.Labels{"force": "no"})
}

// What is another's is answered as what there is not on pages and to what is sent, too.
func TestAnothersIsAsUnknown(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	b, api := d.browser("it.dupont"), d.browser("")
	api.Transport = bearing{"token-of-it.dupont"}
	token := regexp.MustCompile(`name="report" value="[^"]*"`)
	type question struct {
		path, body, other, unknown string
	}
	questions := []question{{path: "/incidents/NAME", other: "i2", unknown: "i9"}, {path: "/api/v1/incidents/NAME", other: "i2", unknown: "i9"}, {path: "/api/v1/incidents/NAME/overview", other: "i2", unknown: "i9"}}
	for _, path := range []string{"/machines?customer=NAME", "/calendar?customer=NAME", "/calendar/night?customer=NAME&machine=SRV-FIC&day=2026-03-09", "/reports/dossier?customer=NAME", "/reports/statement?customer=NAME&format=csv", "/today?q=NAME"} {
		questions = append(questions, question{path: path, other: "martin", unknown: "nobody"})
	}
	for _, a := range act.Table() {
		questions = append(questions, question{path: "/api/v1/incidents/NAME/acts", body: `{"verb": "` + a.Verb + `"}`, other: "i2", unknown: "i9"})
		for _, f := range a.Forms {
			questions = append(questions, question{path: "/incidents/NAME/" + f.Purpose, body: "note=x", other: "i2", unknown: "i9"})
		}
	}
	for _, body := range []string{"kind=user_assistance/&text=x&machine=NAME", "kind=user_assistance/&text=x&machine=NAME/SRV-AD"} {
		questions = append(questions, question{path: "/signals", body: body, other: "martin", unknown: "nobody"}, question{path: "/signals", body: body, other: "martin/SRV-FIC", unknown: "martin/SRV-NOT"})
	}
	for _, body := range []string{`"customer": "NAME"`, `"customer": "NAME", "machine": "SRV-FIC"`, `"customer": "dupont", "machine": "SRV-AD", "platform": "NAME"`, `"customer": "dupont", "machine": "NAME"`} {
		questions = append(questions, question{path: "/api/v1/signals", body: `{"kind": "level2_voluntary", "severity": "major", "text": "x", "id": "same", ` + body + `}`, other: "martin", unknown: "nobody"})
	}
	for _, q := range questions {
		var said [2]string
		for i, name := range []string{q.other, q.unknown} {
			by, path, body := b, strings.ReplaceAll(q.path, "NAME", name), strings.ReplaceAll(q.body, "NAME", name)
			if strings.HasPrefix(path, "/api/") {
				by = api
			}
			var code int
			var text string
			switch {
			case body == "":
				code, text = by.get(path)
			case by == api:
				code, text = by.send(path, "application/json", body)
			default:
				code, text = by.send(path, "application/x-www-form-urlencoded", body)
			}
			said[i] = strconv.Itoa(code) + "\n" + token.ReplaceAllString(strings.NewReplacer(name, "NAME", url.QueryEscape(name), "NAME").Replace(text), "")
		}
		if said[0] != said[1] {
			t.Errorf("%s %s of another's: %.1500s\nof none: %.1500s", q.path, q.body, said[0], said[1])
		}
	}
}

// A customer's own person is answered alike about another customer and about one that
// there is not: neither words nor headers tell which it is. What is his is known.
func TestNobodyLearnsWhoElseIsACustomer(t *testing.T) {
	d := newDesk(t, "synomega", everyRole)
	d.fires(nil, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC", "backup_role": "local", "job_id": "j3"}, nil)
	ask := func(path, name string) (int, string, string) {
		req, err := http.NewRequest(http.MethodGet, d.server.URL+"/api/v1/"+strings.ReplaceAll(path, "NAME", url.QueryEscape(name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (bearing{"token-of-it.dupont"}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b strings.Builder
		_ = resp.Header.WriteSubset(&b, map[string]bool{"Date": true})
		said, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, strings.ReplaceAll(string(said), name, "NAME"), b.String()
	}
	for _, path := range []string{"incidents?customer=NAME", "incidents?customer=NAME&limit=1", "incidents?customer=NAME&limit=1&page=2", "incidents?customer=NAME&ended=true", "machines?customer=NAME", "machines?customer=NAME&show=failing",
		"calendar?customer=NAME", "calendar/night?customer=NAME&machine=SRV-FIC&day=2026-03-09", "reports/statement?customer=NAME", "reports/dossier?customer=NAME"} {
		code, said, header := ask(path, "martin")
		other, unknown, without := ask(path, "nobody") // as long
		if code != other || said != unknown || header != without || code == http.StatusOK {
			t.Errorf("%s tells another customer (%d %s\n%s) from none (%d %s\n%s)", path, code, said, header, other, unknown, without)
		}
		if code, said, _ := ask(path, "dupont"); code != http.StatusOK && !strings.Contains(path, "SRV-FIC") {
			t.Errorf("%s of his own is answered %d: %s", path, code, said)
		}
	}
	// Whose machine it is knows his company, and a part of the list is full of what is his.
	if code, said := d.api("token-of-lea", "/api/v1/incidents?customer=dupont"); code != http.StatusOK {
		t.Errorf("a user's own company: %d %s", code, said)
	}
	if code, said := d.api("token-of-it.dupont", "/api/v1/incidents?limit=1"); code != http.StatusOK || !strings.Contains(said, "SRV-AD") {
		t.Errorf("the first part of what is his: %d %s", code, said)
	}
	if code, said := d.api("token-of-vijay", "/api/v1/incidents?limit=1&backup_role=primary&customer=martin"); code != http.StatusOK || !strings.Contains(said, "SRV-FIC") {
		t.Errorf("the first part of one role: %d %s", code, said)
	}
}

package query

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"vigie/rules/incident"
)

// What is not wholly taken is refused, in words that say what and where.
func TestBody(t *testing.T) {
	type act struct {
		Verb   string         `json:"verb"`
		Fields map[string]any `json:"fields"`
	}
	for text, want := range map[string]string{
		`{"verb":"take","fields":{"n":1}}`: "",
		`{"verb":"take","fields":null}`:    "",
		`{"Verb":"take"} ` + "\n":          "",

		`{"verb":"take","filds":{}}`:                       `no field "filds"`,
		`{"verb":"take"} {"verb":"close"}`:                 "not readable",
		`{"verb":"take","verb":"close"}`:                   `duplicate object member name "verb"`,
		`{"verb":"note","fields":{"note":"a","note":"b"}}`: `duplicate object member name "note"`,
		`{"verb":"take","fields":[]}`:                      `field "fields" holds`,
		`{"verb":7}`:                                       `field "verb" holds`,
		`[]`:                                               "it is no object",
		`verb=take`:                                        "not readable: invalid character 'v'",
		"":                                                 "it ends before its object does",
		`{"verb":"take"`:                                   "it ends before its object does",
		"{\"verb\":\"caf\xe9\"}":                           "invalid UTF-8",
	} {
		var b act
		err := Body(httptest.NewRequest("POST", "/", strings.NewReader(text)), &b)
		if want == "" && (err != nil || b.Verb != "take") || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Go ")) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		_, field, named := strings.Cut(want, `field "`)
		if field, _, _ = strings.Cut(field, `"`); named && incident.FieldOf(err) != field {
			t.Errorf("%s is refused for the field %q, not %q", text, incident.FieldOf(err), field)
		}
	}
}

func TestParameters(t *testing.T) {
	q := url.Values{"n": {"7"}, "on": {"false"}}
	if Number(q, "n", 1) != 7 || Number(q, "none", 3) != 3 || Yes(q, "on", true) || !Yes(q, "none", true) {
		t.Error("a parameter is not read")
	}
	table := []Param{{Name: "n", Most: 10}, {Name: "on", Flag: true}, {Name: "state", OneOf: []string{"open", "closed"}},
		{Name: "language", Among: func() []string { return []string{"en", "fr"} }}, {Name: "day", Must: true}}
	for raw, field := range map[string]string{
		"day=x&n=7&on=false&state=open&language=fr": "", "day=x&n=&on=&state=&language=": "",
		"day=x&n=11": "n", "day=x&n=0": "n", "day=x&n=-1": "n", "day=x&n=seven": "n", "day=x&n=7.0": "n", "day=x&n=99999999999999999999": "n",
		"day=x&on=perhaps": "on", "day=x&state=shut": "state", "day=x&state=OPEN": "state", "day=x&language=de": "language",
		"day=x&other=1": "other", "day=x&Day=x": "Day", "day=x&day=x": "day", "day=x&n=&n=": "n", "": "day", "day=": "day", "day": "day",
	} {
		if err := Check(raw, table); incident.FieldOf(err) != field || (err == nil) != (field == "") {
			t.Errorf("%s: %v, want a fault of %q", raw, err, field)
		}
	}
	for _, raw := range []string{"day=%zz", "day=x;n=3", "day=x&%=1"} {
		if err := Check(raw, table); err == nil {
			t.Errorf("%s is taken, and something of it is lost", raw)
		}
	}
	if Check("day=x", nil) == nil || Check("", nil) != nil {
		t.Error("a request without parameters takes some, or not itself")
	}
	for page, want := range map[string]struct{ page, last, n int }{"1": {1, 0, 2}, "2": {2, 0, 1}, "3": {3, 2, 0}, "9": {9, 2, 0}, "1000000": {1_000_000, 2, 0}} {
		if p, part := Cut(url.Values{"page": {page}}, []int{1, 2, 3}, 2); p.Page != want.page || p.Pages != 2 || p.Last() != want.last || len(part) != want.n {
			t.Errorf("page %s is %+v with %v", page, p, part)
		}
	}
}

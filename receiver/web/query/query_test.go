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
	q := url.Values{"n": {"7"}, "on": {"false"}, "state": {"open"}, "bad": {"seven"}}
	if n, err := Number(q, "n", 1, 10); n != 7 || err != nil {
		t.Error(n, err)
	}
	if n, err := Number(q, "none", 3, 10); n != 3 || err != nil {
		t.Error(n, err)
	}
	if on, err := Yes(q, "on", true); on || err != nil {
		t.Error(on, err)
	}
	if s, err := OneOf(q, "state", []string{"open", "closed"}); s != "open" || err != nil {
		t.Error(s, err)
	}
	for name, err := range map[string]error{
		"too many":     second(Number(q, "n", 1, 5)),
		"no number":    second(Number(q, "bad", 1, 5)),
		"no answer":    second(Yes(q, "bad", true)),
		"no such word": second(OneOf(q, "bad", []string{"open"})),
		"unknown":      Known(q, "n"),
		"none at all":  Known(q),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := Known(q, "n", "on", "state", "bad"); err != nil {
		t.Error(err)
	}
	if p, part, err := Cut(url.Values{"page": {"9"}}, []int{1, 2, 3}, 2); err != nil || p.Page != 2 || len(part) != 1 {
		t.Error(p, part, err)
	}
}

func second[T any](_ T, err error) error { return err }

package query

import (
	"net/url"
	"testing"
)

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

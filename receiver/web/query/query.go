// Package query holds the parameters of requests against their table: what is not
// known is refused, and so is what is no number or no answer. Then they are read.
package query

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vigie/rules/incident"
)

// refuse refuses what one parameter says.
func refuse(field, form string, parts ...string) *incident.Refusal {
	return incident.Refuse(http.StatusUnprocessableEntity, form, parts...).About(field)
}

// Param is a parameter that a request may have, as the table of requests declares it.
type Param struct {
	Name string
	// Says is what it means, in a few words.
	Says string
	// OneOf are the words that are known; none: any text.
	OneOf []string
	// Among are the words that are known now, where the configuration can add to them.
	Among func() []string
	// Most is set for a number from 1 to Most.
	Most int
	// Flag is set for true or false.
	Flag bool
	// Must is set for one without which the request is refused.
	Must bool
	// Page is set for one that only the page has, not its twin of the API.
	Page bool
}

// Check refuses what a request may not have or lacks, so that nothing of it is passed
// over in silence: who asks with a misspelt name would take the answer for his.
func Check(raw string, params []Param) error {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return incident.Refuse(http.StatusUnprocessableEntity, "the parameters are not readable: {error}; write name=value&name=value, and every other sign as %3B", "error", err.Error())
	}
	var names, must []string
	for _, p := range params {
		names = append(names, p.Name)
		if p.Must {
			must = append(must, p.Name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(q)) {
		switch {
		case len(names) == 0:
			return refuse(k, "unknown parameter {quoted}: there are none here", "quoted", k)
		case !slices.Contains(names, k):
			return refuse(k, "unknown parameter {quoted}: known are {known}", "quoted", k, "known", strings.Join(names, ", "))
		case len(q[k]) > 1:
			return Twice(k, len(q[k]))
		}
	}
	for _, p := range params {
		if err := p.check(q.Get(p.Name), must); err != nil {
			return err
		}
	}
	return nil
}

// check refuses a value that is none of the parameter's. An empty one is left out.
func (p Param) check(text string, must []string) error {
	known := p.OneOf
	if p.Among != nil {
		known = p.Among()
	}
	switch {
	case text == "" && p.Must:
		return Missing(p.Name, must)
	case text == "":
	case p.Flag:
		if _, err := strconv.ParseBool(text); err != nil {
			return refuse(p.Name, "{field} {quoted} is neither true nor false", "field", p.Name, "quoted", text)
		}
	case p.Most > 0:
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > p.Most {
			return refuse(p.Name, "{field} {quoted} is not a number from 1 to {most}", "field", p.Name, "quoted", text, "most", strconv.Itoa(p.Most))
		}
	case len(known) > 0 && !slices.Contains(known, text):
		return incident.RefuseUnknown(p.Name, text, known).About(p.Name)
	}
	return nil
}

// Twice refuses what is given more than once: which of them counts?
func Twice(name string, n int) *incident.Refusal {
	return refuse(name, "{field} is given {n} times: give it once", "field", name, "n", strconv.Itoa(n))
}

// Missing refuses a request without one of what it must have.
func Missing(name string, must []string) *incident.Refusal {
	return refuse(name, "{field} is missing: required are {known}", "field", name, "known", strings.Join(must, ", "))
}

// OfAPI are those that the API has.
func OfAPI(params []Param) []Param {
	return slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return p.Page })
}

// Yes reads a parameter that is true or false; without it usual holds.
func Yes(q url.Values, name string, usual bool) bool {
	if on, err := strconv.ParseBool(q.Get(name)); err == nil {
		return on
	}
	return usual
}

// Number reads a parameter that is a number; without it usual holds.
func Number(q url.Values, name string, usual int) int {
	if n, err := strconv.Atoi(q.Get(name)); err == nil {
		return n
	}
	return usual
}

// MaxPage bounds the pages of a list.
const MaxPage = 1_000_000

// Page says which part of a list is shown.
type Page struct {
	Page  int `json:"page"`
	Pages int `json:"pages"`
	Total int `json:"total"`
	Size  int `json:"page_size"`
}

// Cut cuts the page that is asked for out of a list. Past its end there is nothing:
// whoever reads page after page would never come to an end.
func Cut[T any](q url.Values, list []T, size int) (Page, []T) {
	p := Page{Page: Number(q, "page", 1), Total: len(list), Size: size, Pages: max(1, (len(list)+size-1)/size)}
	from := min(max(p.Page-1, 0)*size, len(list))
	return p, list[from:min(from+size, len(list))]
}

// Last is the last page where the one that was asked for lies past the end, as when the
// list has become shorter since; else 0.
func (p Page) Last() int {
	if p.Page > p.Pages {
		return p.Pages
	}
	return 0
}

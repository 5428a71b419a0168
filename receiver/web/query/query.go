// Package query reads the parameters of requests: what is not known is refused,
// and so is what is no number or no answer; nothing is passed over in silence.
package query

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/policy"
)

// refuse refuses what one parameter says.
func refuse(field, form string, parts ...string) error {
	return incident.Refuse(http.StatusUnprocessableEntity, form, parts...).About(field)
}

// Param is a parameter that a request may have, as the table of requests declares it.
type Param struct {
	Name string
	// Says is what it means, in a few words.
	Says string
	// OneOf are the words that are known; none: any text.
	OneOf []string
	// Most is set for a number from 1 to Most.
	Most int
	// Flag is set for true or false.
	Flag bool
	// Must is set for one without which the request is refused.
	Must bool
	// Page is set for one that only the page has, not its twin of the API.
	Page bool
}

// Check refuses parameters that a request does not have.
func Check(q url.Values, params []Param) error {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
	}
	return Known(q, names...)
}

// OfAPI are those that the API has.
func OfAPI(params []Param) []Param {
	return slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return p.Page })
}

// Known refuses parameters that a page does not have: a misspelt one would be
// passed over in silence.
func Known(q url.Values, names ...string) error {
	for k := range q {
		switch {
		case len(names) == 0:
			return refuse(k, "unknown parameter {quoted}: there are none here", "quoted", k)
		case !slices.Contains(names, k):
			return refuse(k, "unknown parameter {quoted}: known are {known}", "quoted", k, "known", strings.Join(names, ", "))
		}
	}
	return nil
}

// Missing is the first of some parameters that a request lacks; "" when it has them.
func Missing(q url.Values, names ...string) string {
	for _, name := range names {
		if q.Get(name) == "" {
			return name
		}
	}
	return ""
}

// Yes reads a parameter that is true or false; without it usual holds.
func Yes(q url.Values, name string, usual bool) (bool, error) {
	text := q.Get(name)
	if text == "" {
		return usual, nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, refuse(name, "{field} {quoted} is neither true nor false", "field", name, "quoted", text)
	}
	return on, nil
}

// Number reads a parameter that counts from 1 to most; without it usual holds.
func Number(q url.Values, name string, usual, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, refuse(name, "{field} {quoted} is not a number from 1 to {most}", "field", name, "quoted", text, "most", strconv.Itoa(most))
	}
	return n, nil
}

// OneOf reads a parameter that is one of some words, or left out.
func OneOf[T ~string](q url.Values, name string, known []T) (T, error) {
	v := T(q.Get(name))
	if v == "" || slices.Contains(known, v) {
		return v, nil
	}
	words := make([]string, len(known))
	for i, w := range known {
		words[i] = string(w)
	}
	return "", refuse(name, "unknown {noun} {quoted}: known are {known}", "noun", name, "quoted", string(v), "known", strings.Join(words, ", "))
}

// Named refuses a customer or scenario that nothing knows, of an empty list: that
// nothing is found for a misspelt one must not look like good news. Machines and
// platforms may be named freely, since those that no inventory lists are watched, too.
// People of customers are not told who else there is.
func Named(q url.Values, b *rules.Book, who string) error {
	if b.Role(who) == act.Customer {
		return nil
	}
	customer, scenario := q.Get("customer"), q.Get("scenario")
	has := func(p *policy.Policy) bool { return p.Scenario(scenario) != nil }
	switch {
	case customer != "" && b.Directory.Customers[customer] == nil:
		return refuse("customer", "the inventory has no customer {quoted}, and nothing is listed here of one", "quoted", customer)
	case scenario != "" && !slices.ContainsFunc(b.Policies(), has):
		return refuse("scenario", "no policy has a scenario {quoted}", "quoted", scenario)
	}
	return nil
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

// Cut reads which page is asked for and cuts it out of a list.
func Cut[T any](q url.Values, list []T, size int) (Page, []T, error) {
	p := Page{Page: 1, Total: len(list), Size: size, Pages: max(1, (len(list)+size-1)/size)}
	n, err := Number(q, "page", 1, MaxPage)
	if err != nil {
		return p, nil, err
	}
	p.Page = min(n, p.Pages)
	from := (p.Page - 1) * size
	return p, list[from:min(from+size, len(list))], nil
}

package situation

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vigie/rules/incident"
)

// unnamed stands in a customer's mail for the name of another customer.
const unnamed = "[…]"

// sheetApart takes the names of the incident's other platforms, and of whose they are, out of
// what our people wrote: one text goes to the customers of them all. A loss of data that is
// told of another platform says nothing of this one.
func (d Messages) sheetApart(f *incident.MessageData) {
	foreign, own := d.namesApart(f.Platforms)
	if len(foreign) == 0 {
		return
	}
	for _, text := range []*string{&f.Scope, &f.Workaround, &f.Reason, &f.Error} {
		*text = withoutNames(*text, foreign, own)
	}
	for n := range f.History {
		f.History[n].Text = withoutNames(f.History[n].Text, foreign, own)
	}
	switch lost := withoutNames(f.DataLoss, foreign, own); {
	case lost == f.DataLoss:
	case withoutNames(lost, own, nil) == lost:
		f.DataLoss = "unknown"
	default:
		f.DataLoss = lost
	}
}

// namesApart are the names that the readers of some of the incident's platforms must not
// read, and those that are theirs.
func (d Messages) namesApart(readers []string) (foreign, own []string) {
	people := d.Book.Directory
	names := func(id string) []string {
		out := []string{id, people.PlatformName(id)}
		if p := people.Platforms[id]; p != nil && p.Customer != "" {
			out = append(out, p.Customer, people.CustomerName(p.Customer))
		}
		return out
	}
	for _, id := range readers {
		own = append(own, names(id)...)
	}
	for _, id := range d.platforms() {
		for _, name := range names(id) {
			if !slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, name) }) {
				foreign = append(foreign, name)
			}
		}
	}
	return foreign, own
}

// withoutNames puts a mark for each of the foreign names in a text; the longest name that
// stands at a place is meant there, and one of the reader's own stays.
func withoutNames(text string, foreign, own []string) string {
	all := slices.Concat(own, foreign)
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var b strings.Builder
	before := ' '
	for text != "" {
		name := ""
		if !wordy(before) {
			if n := slices.IndexFunc(all, func(name string) bool { return startsWith(text, name) }); n >= 0 {
				name = all[n]
			}
		}
		switch {
		case name == "":
			r, n := utf8.DecodeRuneInString(text)
			b.WriteString(text[:n])
			text, before = text[n:], r
			continue
		case slices.Contains(own, name):
			b.WriteString(text[:len(name)])
		default:
			b.WriteString(unnamed)
		}
		before, _ = utf8.DecodeLastRuneInString(name)
		text = text[len(name):]
	}
	return b.String()
}

// startsWith tells whether a text begins with a name as whole words.
func startsWith(text, name string) bool {
	if name == "" || len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return false
	}
	after, _ := utf8.DecodeRuneInString(text[len(name):])
	return len(text) == len(name) || !wordy(after)
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

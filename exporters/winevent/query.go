package winevent

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query says which events of a log to read.
type Query struct {
	Channel  string
	Provider string // only this one's; empty means any
	IDs      []int
	Since    time.Time
	// Messages asks for the texts too, which takes Windows longer.
	Messages bool
}

// Reader reads the events of a query, in any order, or fails.
type Reader func(ctx context.Context, q Query) ([]Event, error)

// XPath gives the selection in the language of Windows event logs.
func (q Query) XPath() (string, error) {
	for _, text := range []string{q.Channel, q.Provider} {
		if strings.ContainsAny(text, "'\"<>&") {
			return "", fmt.Errorf("%q is no name of a log or provider", text)
		}
	}
	var terms []string
	if q.Provider != "" {
		terms = append(terms, "Provider[@Name='"+q.Provider+"']")
	}
	if len(q.IDs) > 0 {
		terms = append(terms, "("+strings.Join(ids(q.IDs), " or ")+")")
	}
	if !q.Since.IsZero() {
		terms = append(terms, "TimeCreated[@SystemTime>='"+q.Since.UTC().Format("2006-01-02T15:04:05.000Z")+"']")
	}
	if len(terms) == 0 {
		return "*", nil
	}
	return "*[System[" + strings.Join(terms, " and ") + "]]", nil
}

// ids joins neighbours to ranges: Windows refuses queries of more than a few
// dozen terms.
func ids(all []int) []string {
	sorted := slices.Compact(slices.Sorted(slices.Values(all)))
	var out []string
	for i := 0; i < len(sorted); {
		j := i
		for j+1 < len(sorted) && sorted[j+1] == sorted[j]+1 {
			j++
		}
		if j-i < 2 {
			out = append(out, "EventID="+strconv.Itoa(sorted[i]))
			i++
			continue
		}
		out = append(out, fmt.Sprintf("(EventID>=%d and EventID<=%d)", sorted[i], sorted[j]))
		i = j + 1
	}
	return out
}

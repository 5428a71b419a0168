// Package openapi tells what the API is: as a document of OpenAPI 3.1 for
// programs and as a table for people. Both are made of the requests that the
// server routes and of the Go types that it answers with; there is no second copy.
package openapi

import (
	"cmp"
	"fmt"
	"strings"

	"vigie/receiver/web/query"
)

// Operation is one request of the API.
type Operation struct {
	Method, Path string
	// Who are the roles that may ask; nobody named: no person's token is needed.
	Who []string
	// Says what it gives or does, in a sentence without its first capital.
	Says   string
	Params []query.Param
	// Takes is a value of the type that is sent, Gives one of what is answered.
	Takes, Gives any
	// File is set where format=csv answers a file, Token where machines have tokens
	// of their own, Plain where the answer is plain text.
	File, Token, Plain bool
}

// Table are the operations as rows of a table in Markdown, each with who may ask.
func Table(all []Operation) string {
	var b strings.Builder
	b.WriteString("| request | who | what it gives or does |\n|---|---|---|\n")
	for i, o := range all {
		if i > 0 && same(all[i-1], o) {
			continue
		}
		requests := []string{"`" + o.Method + " " + o.Path + "`"}
		for _, next := range all[i+1:] {
			if same(o, next) {
				requests = append(requests, "`"+next.Method+" "+next.Path+"`")
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(requests, ", "), cmp.Or(strings.Join(o.Who, ", "), map[bool]string{true: "machines", false: "whoever comes"}[o.Token]), o.words())
	}
	return b.String()
}

// same reports whether two operations differ in their method alone.
func same(a, b Operation) bool { return a.Path == b.Path && a.Says == b.Says && a.Method != b.Method }

// words say what an operation does, with its parameters.
func (o Operation) words() string {
	text := o.Says
	for i, p := range query.OfAPI(o.Params) {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + "`" + p.Name + "`"
		var more []string
		for _, x := range []string{p.Says, map[bool]string{true: "required"}[p.Must], strings.Join(p.OneOf, ", "), map[bool]string{true: "true or false"}[p.Flag], most(p.Most)} {
			if x != "" {
				more = append(more, x)
			}
		}
		if len(more) > 0 {
			text += " (" + strings.Join(more, "; ") + ")"
		}
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

func most(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("1 to %d", n)
}

package web

import (
	"cmp"
	"fmt"
	"strings"

	"vigie/receiver/web/openapi"
	"vigie/receiver/web/query"
)

// tableOfAPI are the operations as rows of a table in Markdown, each with who may ask.
func tableOfAPI(all []openapi.Operation) string {
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
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(requests, ", "), cmp.Or(strings.Join(o.Who, ", "), map[bool]string{true: "machines", false: "whoever comes"}[o.Token]), wordsOf(o))
	}
	return b.String()
}

// same reports whether two operations differ in their method alone.
func same(a, b openapi.Operation) bool {
	return a.Path == b.Path && a.Says == b.Says && a.Method != b.Method
}

// wordsOf say what an operation does, with its parameters.
func wordsOf(o openapi.Operation) string {
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

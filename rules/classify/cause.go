package classify

import (
	"regexp"
	"strings"

	"vigie/internal/clip"
	"vigie/rules/model"
)

// errorPattern reduces an error text to what it says of the cause, so that the
// same failure of two machines reads alike: what names one machine, file, run or
// instant is left out. It is empty for a text that says nothing else.
func errorPattern(text string, l model.Labels) string {
	text = strings.ToLower(text)
	for _, own := range []string{model.LabelMachine, model.LabelCustomer, model.LabelPlan, model.LabelJobID} {
		if v := strings.ToLower(l[own]); len(v) > 2 {
			text = strings.ReplaceAll(text, v, "*")
		}
	}
	for _, particular := range particulars {
		text = particular.ReplaceAllString(text, "*")
	}
	text = strings.Join(strings.Fields(text), " ")
	if strings.Trim(text, "* .,;:!()[]-_/") == "" {
		return ""
	}
	const longest = 200 // what differs beyond it is a trace, not another cause
	return clip.Bytes(text, longest)
}

// particulars are the parts of an error text that differ from machine to machine.
var particulars = []*regexp.Regexp{
	regexp.MustCompile(`"[^"]*"|«[^»]*»|“[^”]*”|'[^']*\d[^']*'`),
	regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	regexp.MustCompile(`\b[a-z]:(\\[^\s,;]*)?`),      // a drive, with a path
	regexp.MustCompile(`(\\\\|//|/)[^\s,;:]+[^\s]*`), // a path or a share
	regexp.MustCompile(`\b\S*\d\S*`),                 // numbers, addresses, names with a number
}

package sentence

import (
	"strconv"
	"strings"
)

// Question parts a reason of the journal into what was found and the query that
// found it, which is kept as the proof and is no text for people; "" for none.
func Question(reason string) (found, query string) {
	found, quoted, asked := strings.Cut(reason, "; asked \"")
	if !asked {
		return reason, ""
	}
	query, err := strconv.Unquote(`"` + quoted)
	if err != nil {
		return reason, ""
	}
	return found, query
}

package ical

import (
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// recurrence is a recurrence rule that is followed from a start, by a clock that
// never changes.
type recurrence struct {
	written     string // as the file has it, with its name: RRULE or EXRULE
	rule, start *ical.Prop
	last        time.Time // a rule without an end ends here
	most        int       // it may give so many
	of          string    // days or shifts
}

// all are the times that it gives. Only the rule is asked: the dates beside it, RDATE
// and EXDATE, come in lists, which the library does not read.
func (c recurrence) all() ([]time.Time, error) {
	bare := ical.NewComponent(ical.CompEvent)
	c.rule.Value = strings.TrimRight(c.rule.Value, "; ") // some end it as if another part followed
	bare.Props.Set(c.rule)
	bare.Props.Set(c.start)
	set, err := bare.RecurrenceSet(time.UTC)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.written, err)
	}
	if until := set.GetRRule().GetUntil(); until.IsZero() || until.After(c.last) {
		set.GetRRule().Until(c.last)
	}
	var out []time.Time
	for next := set.GetRRule().Iterator(); ; {
		at, more := next()
		if !more {
			return out, nil
		}
		if len(out) == c.most {
			return nil, fmt.Errorf("%s gives more than %d %s; give it an end", c.written, c.most, c.of)
		}
		out = append(out, at)
	}
}

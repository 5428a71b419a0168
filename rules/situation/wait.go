package situation

import (
	"time"

	"vigie/rules/model"
)

// openWait is how long a wait for the customer without a date is left alone.
const openWait = 7 * 24 * time.Hour

// agreedWait reports whether it is right that nobody is asked while the customer is
// waited for: until a date, which is told when it comes, or for a week without one.
func (d *Situation) agreedWait() bool {
	i := d.Incident
	if i.State != model.Waiting || !i.Until.IsZero() || len(i.Pauses) == 0 {
		return i.State == model.Waiting
	}
	return d.Now.Before(i.Pauses[len(i.Pauses)-1].From.Add(openWait))
}

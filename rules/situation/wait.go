package situation

import "vigie/rules/model"

// agreedWait reports whether it is right that nobody is asked while the customer is
// waited for: until a date, which is told when it comes, or for some days without one.
func (d *Situation) agreedWait() bool {
	i := d.Incident
	if i.State != model.Waiting || !i.Until.IsZero() || len(i.Pauses) == 0 {
		return i.State == model.Waiting
	}
	since := i.Pauses[len(i.Pauses)-1].From
	return d.Now.Before(since.AddDate(0, 0, d.Scenario.DaysToWait()))
}

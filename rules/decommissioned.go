package rules

import "vigie/rules/model"

// retire closes what the inventory took out of service, in the first service hour after its
// last day: nobody is asked, or phoned, about it any more.
func (d *decider) retire() {
	at, ends := d.Schedule().OutOfService()
	switch {
	case !ends || d.Incident.State.Ended():
	case at.After(d.Horizon):
		d.wakeBy(at)
	default:
		d.Incident.Progress.Reason = "out of service"
		d.intake().end(model.Closed, "the inventory took it out of service")
	}
}

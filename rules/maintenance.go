package rules

import (
	"slices"
	"time"

	"vigie/rules/calendar"
)

// announced follows a maintenance that was announced in time.
type announced struct{ *decider }

func (d *decider) announced() announced { return announced{d} }

// begin lets the stopwatches of what is reported within announced work stand still
// until its end: it was foreseen (S2.2). That somebody takes it is owed all the same,
// and what began before the work was not foreseen.
func (d announced) begin(started time.Time) {
	if until, in := d.MaintenanceAt(started); in && until.After(started) {
		d.Incident.Pauses = append(d.Incident.Pauses, calendar.Pause{From: started, To: until})
		d.Incident.Progress.Announced = started
		d.note("note", "maintenance", "", "the maintenance was announced: clocks that can pause run from its end, "+until.Format(time.RFC3339))
	}
}

// emergency raises an emergency, unless the work was announced: then at its end.
func (d announced) emergency(by string) {
	if d.InMaintenance() {
		d.Incident.Progress.EmergencyDeferred = true
		d.note("note", "maintenance", by, "the maintenance was announced: level 3 is not woken")
		return
	}
	d.Incident.Progress.EmergencyDeferred = false
	d.Incident.Level = 3
	d.raise("emergency", d.Now)
}

// follow takes in that the work is over, or that its end was moved while it went on.
func (d announced) follow() {
	d.moved()
	if d.Incident.State.Ended() {
		return
	}
	until, in := d.MaintenanceAt(d.Horizon)
	if in {
		d.wakeBy(until)
		return
	}
	if d.Incident.Progress.EmergencyDeferred {
		d.Incident.Progress.EmergencyDeferred = false
		d.Incident.Level = 3
		d.note("note", "maintenance", "", "the maintenance is over and it is not solved: level 3 is told")
		d.raise("emergency", d.Now)
	}
}

func (d announced) moved() {
	from := d.Incident.Progress.Announced
	n := slices.IndexFunc(d.Incident.Pauses, func(p calendar.Pause) bool { return p.From.Equal(from) })
	if from.IsZero() || n < 0 || !d.Incident.Pauses[n].To.After(d.Now) {
		return
	}
	until, in := d.MaintenanceAt(from)
	if !in || until.Before(d.Now) {
		until = d.Now // it was called off, or ended early
	}
	if !until.Equal(d.Incident.Pauses[n].To) {
		d.Incident.Pauses[n].To = until
		d.note("note", "maintenance", "", "the end of the maintenance was moved to "+until.Format(time.RFC3339))
	}
}

package situation

import (
	"time"

	"vigie/rules/model"
)

// InMaintenance reports whether every platform of the incident is in a maintenance
// that was announced in time.
func (d *Situation) InMaintenance() bool {
	_, in := d.MaintenanceAt(d.Now)
	return in
}

// MaintenanceAt reports whether every platform of the incident is, at an instant, in a
// maintenance that was announced in time, and until when all of them are.
func (d *Situation) MaintenanceAt(at time.Time) (until time.Time, in bool) {
	if len(d.Book.Directory.Maintenance) == 0 {
		return time.Time{}, false
	}
	for _, platform := range d.platforms() {
		l := model.Labels{model.LabelPlatform: platform}
		if p := d.Book.Directory.Platforms[platform]; p != nil {
			l[model.LabelCustomer] = p.Customer
		}
		over, in := d.Book.Directory.InMaintenance(l, at, d.Policy.MaintenanceNotice)
		if !in {
			return time.Time{}, false
		}
		if until.IsZero() || over.Before(until) {
			until = over
		}
	}
	return until, !until.IsZero()
}

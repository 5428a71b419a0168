package incidents

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// The events that a waking brings beside a plain tick.
const (
	WakeRelated   = "related"
	WakeRefreshed = "refreshed"
)

// Reopenable is how long an ended incident may still be what a signal belongs to.
const Reopenable = 30 * 24 * time.Hour

// Record is an incident with what is kept beside it.
type Record struct {
	incident.Incident
	// Blinds tells that its scenario is a source that cannot be read.
	Blinds bool
	// WakeAt is when time alone may change something, WakeWith the event that
	// it then brings; zero means never.
	WakeAt   time.Time
	WakeWith string
	// AskAt is when evidence is to be asked for; zero means never.
	AskAt time.Time
	// Outage is the id of the common incident that this one is a part of;
	// OutageMarks tells whether that changes how this one is treated.
	Outage      string
	OutageMarks bool
	// Root is the Message-ID that starts the incident's thread of mail.
	Root string
	// Row is the store's own: what it knows of the record as stored.
	Row any
}

// SeenAgain tells that all that fires in the incident still fired at an instant.
func (r *Record) SeenAgain(at time.Time) {
	if !at.After(r.LastSeen) {
		return
	}
	r.LastSeen = at
	for _, a := range r.Alerts {
		if a.Firing && at.After(a.LastSeen) {
			a.LastSeen = at
		}
	}
}

// Place is where an incident happens, as far as its labels tell.
type Place struct{ Customer, Machine, Platform, Host string }

// Says reports whether p says already all that q says.
func (p Place) Says(q Place) bool {
	return (q.Customer == "" || q.Customer == p.Customer) && (q.Machine == "" || q.Machine == p.Machine) &&
		(q.Platform == "" || q.Platform == p.Platform) && (q.Host == "" || q.Host == p.Host)
}

// PlaceOf reads the place from labels. The site is the platform's host, as the
// inventory knows it: the platforms of one host fail together.
func PlaceOf(l model.Labels) Place {
	return Place{l[model.LabelCustomer], l[model.LabelMachine], l[model.LabelPlatform], cmp.Or(l[model.LabelHost], l[labelSite])}
}

// labelSite names the host of a platform in an incident's identity.
const labelSite = "site"

// Place returns where the incident happens: what its identity says, completed
// by its alerts and reports.
func (r *Record) Place() Place {
	p := PlaceOf(r.Identity)
	if p.full() {
		return p
	}
	for _, fp := range slices.Sorted(maps.Keys(r.Alerts)) {
		if p.fill(PlaceOf(r.Alerts[fp].Labels)); p.full() {
			return p
		}
	}
	for _, s := range r.Reports {
		p.fill(PlaceOf(s.Labels))
	}
	return p
}

func (p *Place) full() bool {
	return p.Customer != "" && p.Machine != "" && p.Platform != "" && p.Host != ""
}

func (p *Place) fill(q Place) {
	p.Customer, p.Machine = cmp.Or(p.Customer, q.Customer), cmp.Or(p.Machine, q.Machine)
	p.Platform, p.Host = cmp.Or(p.Platform, q.Platform), cmp.Or(p.Host, q.Host)
}

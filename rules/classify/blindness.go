package classify

import (
	"slices"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// SelfSource is the source of what the receiver says of itself: while it hears
// nothing, nothing at all is read.
const SelfSource = "vigie"

// Blinds reports whether an incident about what cannot be read concerns what reads
// an incident's backups. It reaches as far as what is really unread: the customer
// and machine that it names, the source, and of an exporter the sources that it
// reads. What names none of them speaks of all.
func (b Classifier) Blinds(blind, i incident.Incident) bool {
	if blind.State.Ended() || blind.Key == i.Key {
		return false
	}
	for _, unread := range blind.Alerts {
		if !unread.Firing || !within(unread.Labels, i.Identity) {
			continue
		}
		for _, a := range i.Alerts {
			if b.unread(unread, a) {
				return true
			}
		}
	}
	return false
}

// within reports whether an incident is of the customer and machine that a label
// set names, if it names one.
func within(l, identity model.Labels) bool {
	for _, name := range []string{model.LabelCustomer, model.LabelMachine} {
		if l[name] != "" && l[name] != identity[name] {
			return false
		}
	}
	return true
}

// unread reports whether what reads an alert's job is what cannot be read.
func (b Classifier) unread(blind, a *incident.Alert) bool {
	source, exporter := blind.Labels[model.LabelSource], blind.Labels[model.LabelExporter]
	switch {
	case source == SelfSource:
		return true
	case source != "":
		return a.Labels[model.LabelSource] == source
	case exporter == "":
		return true
	case a.Labels[model.LabelExporter] != "":
		return a.Labels[model.LabelExporter] == exporter
	}
	told := b.Directory.Exporters
	if reads := told[exporter]; len(reads) > 0 {
		return slices.Contains(reads, a.Labels[model.LabelSource])
	}
	if len(told) > 0 && blind.Labels[model.LabelCustomer] == "" && blind.Labels[model.LabelMachine] == "" {
		// Nobody says what it reads. Each source that is lost with it is named by an alert
		// of its own, and one site keeps nothing back that is owed to another.
		return false
	}
	return !b.isRead(blind, a)
}

// isRead reports whether a job is known to be read although an exporter of unknown
// extent is gone: another exporter reads its source, or it was read since.
func (b Classifier) isRead(blind, a *incident.Alert) bool {
	for name, reads := range b.Directory.Exporters {
		if name != blind.Labels[model.LabelExporter] && slices.Contains(reads, a.Labels[model.LabelSource]) {
			return true
		}
	}
	return a.StartsAt.After(blind.StartsAt) || a.LastFailure.After(blind.StartsAt)
}

package rules

import "slices"

// SelfSource is the source of what the receiver says of itself: while it hears
// nothing, nothing at all is read.
const SelfSource = "vigie"

// Blinds reports whether an incident about what cannot be read concerns what reads
// an incident's backups. It reaches as far as what is really unread: the customer
// and machine that it names, the source, and of an exporter the sources that it
// reads. What names none of them speaks of all.
func (b *Book) Blinds(blind, i Incident) bool {
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
func within(l, identity Labels) bool {
	for _, name := range []string{LabelCustomer, LabelMachine} {
		if l[name] != "" && l[name] != identity[name] {
			return false
		}
	}
	return true
}

// unread reports whether what reads an alert's job is what cannot be read.
func (b *Book) unread(blind, a *Alert) bool {
	source, exporter := blind.Labels[LabelSource], blind.Labels[LabelExporter]
	switch {
	case source == SelfSource:
		return true
	case source != "":
		return a.Labels[LabelSource] == source
	case exporter == "":
		return true
	case a.Labels[LabelExporter] != "":
		return a.Labels[LabelExporter] == exporter
	}
	if reads := b.Directory.Exporters[exporter]; len(reads) > 0 {
		return slices.Contains(reads, a.Labels[LabelSource])
	}
	return !b.isRead(blind, a)
}

// isRead reports whether a job is known to be read although an exporter of unknown
// extent is gone: another exporter reads its source, or it was read since.
func (b *Book) isRead(blind, a *Alert) bool {
	for name, reads := range b.Directory.Exporters {
		if name != blind.Labels[LabelExporter] && slices.Contains(reads, a.Labels[LabelSource]) {
			return true
		}
	}
	return a.StartsAt.After(blind.StartsAt) || a.LastFailure.After(blind.StartsAt)
}

package receiver

import "vigie/receiver/config"

// NoteCalendars says by metric and log which calendars live on a copy.
func (c *core) NoteCalendars(files []config.CalendarFile) {
	c.metrics.calendarCopies.Reset()
	for _, f := range files {
		used := 0.0
		if f.Copy != "" {
			used = 1
			c.log.Warn("a calendar file is missing or broken; its last good copy is used", "calendar", f.Calendar, "copy", f.Copy, "err", f.Fault)
		}
		c.metrics.calendarCopies.WithLabelValues(f.Calendar).Set(used)
	}
}

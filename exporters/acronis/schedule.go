package acronis

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// schedule is when a plan runs, as far as its settings tell.
type schedule struct {
	// minutes after Monday 00:00 at which a run starts each week, sorted.
	slots []int
	// every is used where the settings tell a period but no slots.
	every time.Duration
	// off tells that the schedule is switched off: nothing starts by itself.
	off bool
}

type settings struct {
	Scheduling struct {
		Enabled    exporters.Flag `json:"enabled"`
		BackupSets []struct {
			Schedule struct {
				Type   string `json:"type"`
				Alarms struct {
					Time struct {
						Weekdays []string `json:"weekdays"`
						RepeatAt []struct {
							Hour   exporters.Number `json:"hour"`
							Minute exporters.Number `json:"minute"`
						} `json:"repeat_at"`
					} `json:"time"`
				} `json:"alarms"`
			} `json:"schedule"`
		} `json:"backup_sets"`
	} `json:"scheduling"`
}

const week = 7 * 24 * 60 // minutes

// scheduleOf reads a policy's settings. Forms it does not know give an empty
// schedule, for which the configured interval is used.
func scheduleOf(raw json.RawMessage) schedule {
	var s settings
	if len(raw) == 0 {
		return schedule{}
	}
	if _, err := exporters.Lenient(raw, &s); err != nil {
		return schedule{}
	}
	if s.Scheduling.Enabled.Off() {
		return schedule{off: true}
	}
	var out schedule
	for _, set := range s.Scheduling.BackupSets {
		switch strings.ToLower(set.Schedule.Type) {
		case "weekly", "daily":
			days := weekdays(set.Schedule.Alarms.Time.Weekdays)
			for _, at := range set.Schedule.Alarms.Time.RepeatAt {
				hour, minute := at.Hour.Int(), at.Minute.Int()
				if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
					continue
				}
				for _, d := range days {
					out.slots = append(out.slots, d*24*60+hour*60+minute)
				}
			}
		case "monthly":
			if out.every == 0 {
				out.every = 31 * 24 * time.Hour
			}
		}
	}
	slices.Sort(out.slots)
	out.slots = slices.Compact(out.slots)
	return out
}

// weekdays gives days counted from Monday; none named means all.
func weekdays(names []string) []int {
	order := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	var out []int
	for _, n := range names {
		if len(n) >= 3 {
			if i := slices.Index(order, strings.ToLower(n[:3])); i >= 0 {
				out = append(out, i)
			}
		}
	}
	if len(names) == 0 {
		return []int{0, 1, 2, 3, 4, 5, 6}
	}
	return out
}

// gapAfter gives the time from the run that was due at or before t to the
// next one: a plan of Monday to Friday expects three days after Friday's run
// and one after Tuesday's. Zero means the settings do not tell.
func (s schedule) gapAfter(t time.Time, loc *time.Location) time.Duration {
	if len(s.slots) == 0 {
		return s.every
	}
	l := t.In(loc)
	minute := (int(l.Weekday())+6)%7*24*60 + l.Hour()*60 + l.Minute()
	next := s.slots[0] + week
	at := s.slots[len(s.slots)-1] - week
	for _, slot := range s.slots {
		if slot <= minute {
			at = slot
		} else {
			next = slot
			break
		}
	}
	return time.Duration(next-at) * time.Minute
}

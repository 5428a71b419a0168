package windowsbackup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

const (
	// Channel is the log of Windows Server Backup itself.
	Channel = "Microsoft-Windows-Backup"
	// Provider is its name in every log.
	Provider = "Microsoft-Windows-Backup"
	// joinWithin is how far after its end a run still gets events: the entry
	// in the Application log and the closing event 14.
	joinWithin = 2 * time.Minute
	// openFor is for how long a start without an end counts as running.
	openFor = 48 * time.Hour
)

// kind is what an event says about a run.
type kind int

const (
	nothing   kind = iota
	start          // a run began
	ended          // it ended, well or not
	good           // saved
	remark         // a remark on a run that tells its outcome elsewhere
	partly         // saved with errors
	cancelled      // ended before its time
	bad            // not saved
)

// channelIDs and applicationIDs are asked for in the two logs.
func channelIDs() []int {
	return []int{1, 4, 5, 7, 8, 9, 14, 17, 18, 19, 20, 21, 22, 49, 50, 51, 52, 53, 146}
}

func applicationIDs() []int {
	return []int{517, 518, 519, 521, 522, 527, 528, 544, 545, 546, 547, 561, 564}
}

// meaning is by the event's id alone, never by its text.
func meaning(e *winevent.Event) kind {
	if !strings.EqualFold(e.Provider, Provider) {
		return nothing
	}
	if !strings.EqualFold(e.Channel, Channel) {
		switch e.ID {
		case 517, 518, 521, 527, 528, 544, 545, 546, 561, 564:
			return bad
		case 519, 522, 547:
			return remark
		}
		return nothing
	}
	switch e.ID {
	case 1:
		return start
	case 4:
		return good
	case 5, 9, 17, 18, 19, 20, 21, 22, 49, 50, 52:
		return bad
	case 7:
		return partly
	case 8:
		return cancelled
	case 14:
		return ended
	case 51, 146:
		return remark
	}
	return nothing
}

// episode is the events of one run.
type episode struct {
	id       string
	template string
	saves    content
	begin    time.Time
	end      time.Time // of the first event that tells an outcome; zero before
	last     time.Time
	closed   bool // event 14 was seen

	outcome kind
	remarks []string
	codes   []string
	told    bool // event 14 told a code that is not zero
}

// episodes parts events into runs, in the order of their first events. A run writes
// several: what joins them is their order, since only some carry the instant of the
// backup, and the template where two runs overlap.
func episodes(events []winevent.Event) []*episode {
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b winevent.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.RecordID, b.RecordID))
	})
	var all []*episode
	var current *episode
	for i := range sorted {
		e := &sorted[i]
		k := meaning(e)
		if k == nothing {
			continue
		}
		template := strings.ToLower(strings.TrimSpace(e.Value("BackupTemplateID")))
		if current = joining(all, current, template, e.Time); k == start || current == nil {
			current = &episode{}
			all = append(all, current)
		}
		current.template = cmp.Or(current.template, template)
		current.add(e, k)
	}
	return all
}

// joining is the run to which an event belongs; nil if that is a new one.
func joining(all []*episode, current *episode, template string, t time.Time) *episode {
	if template != "" {
		for _, ep := range slices.Backward(all) {
			if ep.template == template && !ep.over(t) {
				return ep
			}
		}
	}
	if current == nil || current.over(t) || template != "" && current.template != "" {
		return nil
	}
	return current
}

// runningSince is the start of a run that goes on at now, if there is one.
func runningSince(all []*episode, now time.Time) time.Time {
	if len(all) == 0 {
		return time.Time{}
	}
	if ep := all[len(all)-1]; ep.end.IsZero() && !ep.closed && !ep.begin.IsZero() && now.Sub(ep.begin) < openFor {
		return ep.begin
	}
	return time.Time{}
}

// began is when it started, or when it is first heard of.
func (ep *episode) began() time.Time {
	if ep.begin.IsZero() {
		return ep.end
	}
	return ep.begin
}

// over tells whether an event at t belongs to a later run.
func (ep *episode) over(t time.Time) bool {
	if !ep.begin.IsZero() && !ep.closed {
		return t.Sub(ep.begin) > openFor
	}
	return t.Sub(ep.last) > joinWithin
}

func (ep *episode) add(e *winevent.Event, k kind) {
	ep.last = e.Time
	ep.saves.read(e)
	hr, detailed, coded := codes(e)
	switch k {
	case start:
		ep.begin = e.Time
		return
	case ended:
		ep.closed = true
		if coded && hr != 0 {
			ep.told = true
			ep.settle(e, ended)
		}
	case remark:
		ep.remarks = append(ep.remarks, fmt.Sprintf("event %d", e.ID))
	default:
		if code := unreadable(e); code != "" && k == good {
			k = partly // what cannot be read is not known to be good
			ep.note(fmt.Sprintf("event %d with the code %.40q", e.ID, code))
		}
		// The codes may know better than the kind of event, never worse.
		if coded && k == good {
			switch judge(hr, detailed) {
			case exporters.Failed:
				k = bad
			case exporters.Warning:
				k = partly
			}
		}
		ep.settle(e, k)
	}
	if coded && (hr != 0 || detailed != 0) {
		text := explain(hr, detailed, "")
		if log := e.Value("BackupFailureLogPath"); log != "" {
			text += ", see " + log
		}
		ep.note(text)
	} else if k > good {
		ep.note(fmt.Sprintf("event %d", e.ID))
	}
}

// settle keeps the worst outcome; end and id are of the first, so that they
// stay when a later event adds to the run.
func (ep *episode) settle(e *winevent.Event, k kind) {
	if ep.end.IsZero() {
		ep.end = e.Time
		ep.id = fmt.Sprintf("%s/%d", strings.ToLower(e.Channel), e.RecordID)
	}
	ep.outcome = max(ep.outcome, k)
}

func (ep *episode) note(text string) {
	if !slices.Contains(ep.codes, text) {
		ep.codes = append(ep.codes, text)
	}
}

// run is what a finished episode comes to.
func (ep *episode) run() exporters.Run {
	r := exporters.Run{ID: ep.id, Start: ep.begin, End: ep.end}
	switch ep.outcome {
	case good:
		r.Result = exporters.Success
		if len(ep.remarks) > 0 {
			r.Result = exporters.Warning
		}
		if ep.told {
			r.Result = exporters.Failed // two events that contradict each other
		}
	case partly:
		r.Result = exporters.Warning
	case cancelled:
		r.Result = exporters.Cancelled
	default:
		r.Result = exporters.Failed
	}
	if r.Result != exporters.Success {
		r.Error = strings.Join(append(ep.codes, ep.remarks...), "; ")
	}
	return r
}

// unreadable is a code that is there and is none.
func unreadable(e *winevent.Event) string {
	for _, name := range []string{"HRESULT", "DetailedHRESULT"} {
		if v := strings.TrimSpace(e.Value(name)); v != "" {
			if _, err := ParseHResult(v); err != nil {
				return v
			}
		}
	}
	return ""
}

// codes reads the result codes of an event; ok is false if it has none.
func codes(e *winevent.Event) (hr, detailed HResult, ok bool) {
	hr, err := ParseHResult(e.Value("HRESULT"))
	if err != nil {
		return 0, 0, false
	}
	detailed, err = ParseHResult(e.Value("DetailedHRESULT"))
	if err != nil {
		detailed = 0 // most events have only the first
	}
	return hr, detailed, true
}

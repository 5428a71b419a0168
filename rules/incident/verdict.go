package incident

import (
	"strings"
	"time"
)

// Verdict is how the clock of a target stood when it was decided whether the
// target is met. It is written into the journal's line of that, so that what is
// reported of a month needs nothing but the journal.
type Verdict struct {
	From time.Time // when the clock began
	Due  time.Time // zero while it was paused
	// At is when the target was met, where the line was written later than that.
	At time.Time
	// Used is the time of the target's calendar without pauses from its start on;
	// it is known of targets that are met.
	Used     time.Duration
	HasUsed  bool
	Severity string
	Level    string // of service that held when the clock began
}

// verdictMark begins the words of a verdict in the reason of a line.
const verdictMark = "; from "

// String is the verdict as the reason of a line ends.
func (v Verdict) String() string {
	parts := []string{v.From.Format(time.RFC3339Nano)}
	add := func(name, value string) {
		if value != "" && !strings.ContainsAny(value, ",;") {
			parts = append(parts, name+" "+value)
		}
	}
	if !v.Due.IsZero() {
		add("due", v.Due.Format(time.RFC3339Nano))
	}
	if !v.At.IsZero() {
		add("at", v.At.Format(time.RFC3339Nano))
	}
	if v.HasUsed {
		add("used", v.Used.String())
	}
	add("severity", v.Severity)
	add("level", v.Level)
	return verdictMark + strings.Join(parts, ", ")
}

// VerdictIn reads the verdict in the reason of a line, and returns what stands
// before it. A line of an older build has none.
func VerdictIn(reason string) (before string, v Verdict, ok bool) {
	i := strings.LastIndex(reason, verdictMark)
	if i < 0 {
		return reason, Verdict{}, false
	}
	parts := strings.Split(reason[i+len(verdictMark):], ", ")
	var err error
	if v.From, err = time.Parse(time.RFC3339Nano, parts[0]); err != nil {
		return reason, Verdict{}, false
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, " ")
		switch name {
		case "due":
			v.Due, err = time.Parse(time.RFC3339Nano, value)
		case "at":
			v.At, err = time.Parse(time.RFC3339Nano, value)
		case "used":
			v.Used, err = time.ParseDuration(value)
			v.HasUsed = true
		case "severity":
			v.Severity = value
		case "level":
			v.Level = value
		}
		if err != nil {
			return reason, Verdict{}, false
		}
	}
	return reason[:i], v, true
}

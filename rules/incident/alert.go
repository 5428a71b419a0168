package incident

import (
	"sort"
	"strconv"
	"time"

	"vigie/rules/model"
)

// Alert is what one incident remembers of one alert.
type Alert struct {
	Labels      model.Labels      `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"starts_at,omitzero"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
	Firing      bool              `json:"firing"`
	LastSeen    time.Time         `json:"last_seen,omitzero"`
	// LastFailure is the end of the last failed run known; a success proves
	// the plan only when it ended later.
	LastFailure time.Time `json:"last_failure,omitzero"`
	// SuccessBefore is the last success known at opening: for missed and
	// never-ran alerts a success proves the plan when it is later than this.
	SuccessBefore time.Time `json:"success_before,omitzero"`
	SuccessKnown  bool      `json:"success_known,omitempty"`
	LastSuccess   time.Time `json:"last_success,omitzero"` // newest answer of Prometheus
	SizeBytes     float64   `json:"size_bytes,omitempty"`
	// Runs are the failed runs of its job in this episode, Run the end of the last
	// one where that is known, RunStart when its alert began.
	Runs     int       `json:"runs,omitempty"`
	Run      time.Time `json:"run,omitzero"`
	RunStart time.Time `json:"run_start,omitzero"`
	Lost     bool      `json:"lost,omitempty"` // its series is gone
	// Error is why the last failed run failed, in the product's own words, as its
	// exporter tells them; empty while that is not known.
	Error  string `json:"error,omitempty"`
	Proven bool   `json:"proven,omitempty"`
}

// FailsAgain takes a person's word that a plan still fails: only a success
// that comes later proves otherwise.
func (a *Alert) FailsAgain(now time.Time) {
	a.Proven, a.Lost = false, false
	a.SuccessBefore, a.SuccessKnown = now, true
	if now.After(a.LastFailure) {
		a.LastFailure = now
	}
}

// NewRun lets no success known so far prove that a new failing run is over.
func (a *Alert) NewRun() {
	a.Proven = false
	if a.LastSuccess.After(a.SuccessBefore) {
		a.SuccessBefore, a.SuccessKnown = a.LastSuccess, true
	}
}

func UnixTime(text string) time.Time {
	if text == "" {
		return time.Time{} // most alerts tell of none, and an error would be made for each
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v <= 0 || v > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(v), 0).UTC()
}

// Part is what of a platform, product or machine the alert is about; "" for all of it.
func (a *Alert) Part() string {
	for _, l := range []string{"item", "repository", "mountpoint", "probe", model.LabelExporter} {
		if v := a.Labels[l]; v != "" {
			return v
		}
	}
	return ""
}

// Ends is when what the alert warns of ends: as it says itself, or so many days after
// it began as it warns ahead. Zero for one that warns of no end.
func (a *Alert) Ends() time.Time {
	at := UnixTime(a.Annotations["expires"])
	if days, err := strconv.Atoi(a.Labels["warn_days"]); at.IsZero() && err == nil {
		at = a.StartsAt.Add(time.Duration(days) * 24 * time.Hour)
	}
	return at
}

// IsProven reports whether a success is proven to be newer than the failure: for
// a failed run later than its end, for a run that did not happen later than
// the last success known at opening.
func (a *Alert) IsProven() bool {
	if a.LastSuccess.IsZero() {
		return false
	}
	// Rules tell the one in whole seconds, rounded, Prometheus the other in
	// fractions: what differs by less is the same run.
	newer := a.LastSuccess.Sub(a.SuccessBefore) >= time.Second
	switch a.Labels[model.LabelKind] {
	case "missed", "never_ran", "vanished":
		return newer
	}
	if a.LastFailure.IsZero() {
		return a.SuccessKnown && newer
	}
	return a.LastSuccess.After(a.LastFailure)
}

// Success is the newest success known of a plan.
func (a *Alert) Success() time.Time {
	if !a.LastSuccess.IsZero() {
		return a.LastSuccess
	}
	return a.SuccessBefore
}

func SortedAlerts(m map[string]*Alert) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Tells reports whether a signal tells of the run that the alert knows of already.
func (a *Alert) Tells(s model.Signal) bool {
	run := UnixTime(s.Annotations["last_run"])
	return !run.IsZero() && !a.Run.IsZero() && !run.After(a.Run)
}

// Job is what runs: a plan of a source, whatever other labels its alerts carry.
// What names no job is told apart by its alert's labels, which Rest then holds.
type Job struct{ Source, Customer, Machine, Role, ID, Rest string }

// Is reports whether an alert with those labels tells of the job. What differs
// most is looked at first: an incident may have a thousand of them.
func (j Job) Is(l model.Labels) bool {
	return jobID(l) == j.ID && JobOf(l) == j
}

func jobID(l model.Labels) string {
	if id := l[model.LabelJobID]; id != "" {
		return id
	}
	return l[model.LabelPlan]
}

// JobOf is what an alert with those labels tells of.
func JobOf(l model.Labels) Job {
	id := jobID(l)
	if id == "" {
		return Job{Rest: l.String()}
	}
	return Job{l[model.LabelSource], l[model.LabelCustomer], l[model.LabelMachine], l[model.LabelBackupRole], id, ""}
}

// Later is the later of two instants.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Says is an alert's label, or else its annotation, of that name; of "error" at last
// what the exporter tells.
func (a *Alert) Says(name string) string {
	if v := a.Labels[name]; v != "" {
		return v
	}
	if v := a.Annotations[name]; v != "" || name != "error" {
		return v
	}
	return a.Error
}

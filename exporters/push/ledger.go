package push

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"vigie/exporters"
)

// keptRuns is how many of a job's newest runs are remembered. A run older
// than all of them changes nothing any more but the last success.
const keptRuns = 64

// Of each target further runs are remembered for keptFor, or what is saved there seldom
// would be forgotten among what is saved elsewhere each hour: its last keptOfTarget, which
// tell its rhythm, and one of each week, which tell that the others went on meanwhile.
// Of very many targets, as of a folder by the hour, maxRuns bounds them all.
const (
	keptOfTarget = 5
	keptFor      = 140 * 24 * time.Hour
	aWeek        = 7 * 24 * time.Hour
	maxRuns      = 4 * keptRuns
)

// clockTolerance is how far a sender's clock may run ahead.
const clockTolerance = 10 * time.Minute

// entry is what one request added. Entries are what the journal keeps.
type entry struct {
	Customer string    `json:"customer"`
	Received time.Time `json:"received"`
	Reports  []Report  `json:"reports"`
}

type jobKey struct{ customer, id string }

// ledger is everything that was reported, bounded by job. What it says does
// not depend on the order in which entries were added.
type ledger map[jobKey]*job

type job struct {
	Customer    string    `json:"customer"`
	ID          string    `json:"job_id"`
	LastSuccess time.Time `json:"last_success,omitzero"` // of the runs that are no longer kept
	Latest      Report    `json:"latest"`                // of the newest run
	Runs        []run     `json:"runs"`                  // oldest first
}

type run struct {
	ID       string           `json:"id"`
	Sum      string           `json:"sum"` // the report's fingerprint
	Start    time.Time        `json:"start,omitzero"`
	End      time.Time        `json:"end"`
	Result   exporters.Result `json:"result"`
	Size     exporters.Amount `json:"size,omitzero"`
	Files    exporters.Amount `json:"files,omitzero"`
	Running  bool             `json:"running,omitempty"` // another run was at work, and its result counts
	Received time.Time        `json:"received"`
	*targeted
}

// targeted is what few runs hold: of the others the latest report's words are kept alone.
type targeted struct {
	Target string `json:"target,omitempty"`
	Error  string `json:"error,omitempty"`
}

func (n *run) target() string {
	if n.targeted == nil {
		return ""
	}
	return n.Target
}

// proves tells whether a run is a success that saved something.
func proves(r exporters.Result, files exporters.Amount) bool {
	return r == exporters.Success && !files.IsNone()
}

func compareRuns(a, b run) int {
	return cmp.Or(a.End.Compare(b.End), strings.Compare(a.ID, b.ID))
}

// standing is what a report is to the ledger.
type standing int

const (
	fresh standing = iota
	repeated
	contradicting // the run's id is known with another content
)

func (l ledger) standing(customer string, r *Report, sum string) standing {
	j := l[jobKey{customer, r.JobID}]
	if j == nil {
		return fresh
	}
	for i := range j.Runs {
		if j.Runs[i].ID == r.RunID {
			if j.Runs[i].Sum == sum {
				return repeated
			}
			return contradicting
		}
	}
	return fresh
}

// add takes an entry in. Adding one again changes nothing.
func (l ledger) add(e entry) error {
	for i := range e.Reports {
		r := e.Reports[i]
		sum, err := r.fingerprint()
		if err != nil {
			return err
		}
		if l.standing(e.Customer, &r, sum) != fresh {
			continue
		}
		key := jobKey{e.Customer, r.JobID}
		j := l[key]
		if j == nil {
			j = &job{Customer: e.Customer, ID: r.JobID}
			l[key] = j
		}
		j.add(r, sum, e.Received)
	}
	return nil
}

func (j *job) add(r Report, sum string, received time.Time) {
	n := run{ID: r.RunID, Sum: sum, Start: r.Started.UTC(), End: believed(r.Ended.Time, received), Result: results()[r.Result], Size: r.Size, Files: r.Files, Running: r.Result == running, Received: received}
	if r.Target != "" {
		n.targeted = &targeted{r.Target, cut(r.Error, maxTargetError)}
	}
	at, _ := slices.BinarySearchFunc(j.Runs, n, compareRuns)
	// A run that found another one at work says nothing that a finished one does not.
	finished := func(n run) bool { return !n.Running }
	if n.Running && at == len(j.Runs) && !slices.ContainsFunc(j.Runs, finished) || !n.Running && !slices.ContainsFunc(j.Runs[at:], finished) {
		j.Latest = r
	}
	j.Runs = slices.Insert(j.Runs, at, n)
	j.forget()
}

// forget drops the runs that are too old to matter.
func (j *job) forget() {
	if len(j.Runs) <= keptRuns {
		return
	}
	newest := j.Runs[len(j.Runs)-1].End
	count, week := map[string]int{}, map[string]time.Time{}
	for i := len(j.Runs) - 1; i >= 0; i-- {
		n := j.Runs[i]
		target, in := n.target(), n.End.Truncate(aWeek)
		seldom := target != "" && (count[target] < keptOfTarget || !week[target].Equal(in)) && newest.Sub(n.End) < keptFor
		count[target]++
		week[target] = in
		if i >= len(j.Runs)-keptRuns || i >= len(j.Runs)-maxRuns && seldom {
			continue
		}
		// Of one instant those that are kept have the word.
		if proves(n.Result, n.Files) && !n.End.Equal(j.Runs[i+1].End) {
			j.LastSuccess = exporters.Later(j.LastSuccess, n.End)
		}
		j.Runs = slices.Delete(j.Runs, i, i+1)
	}
}

// believed is the end of a run: no later than its arrival, whatever the
// sender's clock says.
func believed(end, received time.Time) time.Time {
	if ahead(end, received) {
		return received.UTC()
	}
	return end.UTC()
}

func ahead(end, received time.Time) bool { return end.After(received.Add(clockTolerance)) }

const (
	// maxTargetError bounds the words that are kept of each run with a target.
	maxTargetError = 512
	// targetGone is how long nothing was saved to a target that is no longer one.
	targetGone = 31 * 24 * time.Hour
)

// parts are the jobs that a job is: one for each target to which it saves by turns. What
// was older than all runs that are kept is of nobody knows which.
func (j *job) parts(d Defaults) []*job {
	byTarget := map[string]*exporters.Turn{}
	for i := range j.Runs {
		name := j.Runs[i].target()
		if byTarget[name] == nil {
			byTarget[name] = &exporters.Turn{Name: name}
		}
		byTarget[name].Times = append(byTarget[name].Times, j.Runs[i].End)
	}
	if len(byTarget) < 2 {
		return []*job{j}
	}
	expected := cmp.Or(j.Latest.interval(), d.Interval.Of(cmp.Or(j.Latest.MachineClass, exporters.Other)))
	first := &job{Customer: j.Customer, ID: j.ID, Latest: j.Latest, LastSuccess: j.LastSuccess}
	out := []*job{first}
	of := map[string]*job{}
	for _, t := range exporters.ByTurns(slices.Collect(maps.Values(byTarget)), expected, j.Runs[len(j.Runs)-1].End, targetGone) {
		if t.Name == "" {
			continue // nobody told where to: what stands for the job has it
		}
		latest := j.Latest
		latest.Plan = cmp.Or(latest.Plan, j.ID) + ", " + t.Name
		latest.Interval = model.Duration(t.Rhythm(expected, targetGone)).String()
		latest.NextRun = exporters.Instant{} // which of them it is of is not told
		of[t.Name] = &job{Customer: j.Customer, ID: j.ID + "/" + exporters.Slug(t.Name), Latest: latest}
		out = append(out, of[t.Name])
		first.LastSuccess = time.Time{}
	}
	for i := range j.Runs {
		part := cmp.Or(of[j.Runs[i].target()], first)
		part.Runs = append(part.Runs, j.Runs[i])
	}
	return out
}

// shown is what the ledger says of a job.
func (j *job) shown(d Defaults) exporters.Job {
	r := &j.Latest
	out := exporters.Job{
		Customer: j.Customer, ID: j.ID,
		Machine: r.Machine, Class: cmp.Or(r.MachineClass, exporters.Other), Role: cmp.Or(r.BackupRole, d.Role), RoleAssumed: r.BackupRole == "",
		Engine: cmp.Or(r.Engine, "script"), Plan: cmp.Or(r.Plan, j.ID), ObjectType: r.ObjectType,
		Enabled: r.Enabled == nil || *r.Enabled, NextRun: r.NextRun.UTC(), LastSuccess: j.LastSuccess,
		ExpectedInterval: r.interval(), Received: j.Runs[len(j.Runs)-1].Received,
	}
	if out.ExpectedInterval == 0 {
		out.ExpectedInterval = d.Interval.Of(out.Class)
	}
	for i := range j.Runs {
		if j.Runs[i].Running {
			if !out.Running {
				out.Running, out.RunningSince = true, cmp.Or(j.Runs[i].Start, j.Runs[i].End)
			}
			continue
		}
		out.Running, out.RunningSince = false, time.Time{}
		n := exporters.Run{ID: j.Runs[i].ID, Start: j.Runs[i].Start, End: j.Runs[i].End, Result: j.Runs[i].Result, Size: j.Runs[i].Size, Files: j.Runs[i].Files}
		if j.Runs[i].targeted != nil {
			n.Error = j.Runs[i].Error
		}
		last := len(out.Runs) - 1
		switch {
		case last < 0 || !out.Runs[last].End.Equal(n.End):
			out.Runs = append(out.Runs, n)
		case n.Result.Worse(out.Runs[last].Result):
			out.Runs[last] = n
		}
	}
	for _, n := range out.Runs {
		if proves(n.Result, n.Files) {
			out.LastSuccess = exporters.Later(out.LastSuccess, n.End)
		}
	}
	if n := len(out.Runs); n > 0 && out.Runs[n-1].ID == r.RunID {
		out.Runs[n-1].Error = r.Error
	}
	return out
}

package arcserve

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

// row is one job of a history, as the database and the web service tell it.
type row struct {
	protection string // stable id of the protection
	node       string // stable id of the machine
	machine    string
	plan       string
	planID     string // empty where only the name is known
	jobID      string
	jobType    string
	status     string
	start, end exporters.Instant // in UTC
	// localStart and localEnd are wall clocks, for rows without the others.
	localStart, localEnd exporters.Instant
}

// protection is one plan on one machine.
type protection struct {
	node, machine, plan, planID, objectType string
	seen                                    time.Time // its newest instant
	open                                    []time.Time
}

// knowledge is what the readings so far taught.
type knowledge struct {
	config      *Config
	protections map[string]*protection
	newest      time.Time
	odd         oddities
}

func newKnowledge(c *Config) *knowledge {
	return &knowledge{config: c, protections: map[string]*protection{}, odd: oddities{}}
}

// learn takes what rows tell and gives the runs that ended, by protection. A complete
// listing drops the protections that are not in it. Jobs that ran before are still
// running only if the rows say so: each reading covers them.
func (k *knowledge) learn(rows []row, complete bool, now time.Time, out *exporters.Snapshot) map[string][]exporters.Run {
	listed := map[string]bool{}
	for _, u := range k.protections {
		u.open = nil
	}
	runs := map[string][]exporters.Run{}
	for i := range rows {
		r := &rows[i]
		objectType, known := k.config.objectType(r.jobType)
		if !known {
			k.odd.count(out, "job_type", r.jobType)
		}
		if objectType == "" {
			continue
		}
		if r.node == "" {
			k.odd.count(out, "node", r.jobID)
			continue
		}
		listed[r.protection] = true
		u, start, end := k.file(r, objectType, now, out)
		run, open := k.run(r, start, end, out)
		if open {
			u.open = append(u.open, start)
		}
		if run != nil {
			runs[r.protection] = append(runs[r.protection], *run)
		}
	}
	if complete {
		maps.DeleteFunc(k.protections, func(id string, _ *protection) bool { return !listed[id] })
	}
	return runs
}

// file notes the names of a row's protection; those of its newest row count.
func (k *knowledge) file(r *row, objectType string, now time.Time, out *exporters.Snapshot) (*protection, time.Time, time.Time) {
	if r.start.Bad || r.end.Bad || r.localStart.Bad || r.localEnd.Bad {
		k.odd.count(out, "job_time", r.protection+" "+r.jobID)
	}
	start := k.instant(r.start, r.localStart, time.Time{})
	end := k.instant(r.end, r.localEnd, start)
	at := exporters.Later(start, end)
	if at.After(now) || at.IsZero() && k.protections[r.protection] == nil {
		at = now // a clock that runs ahead, or a job that has only been planned
	}
	u := k.protections[r.protection]
	if u == nil {
		u = &protection{}
		k.protections[r.protection] = u
	}
	if u.machine == "" || !at.Before(u.seen) {
		u.node, u.machine, u.plan, u.planID, u.objectType = r.node, r.machine, r.plan, r.planID, objectType
		u.seen = at
	}
	if last := exporters.Later(start, end); last.After(k.newest) && !last.After(now) {
		k.newest = last
	}
	return u, start, end
}

// instant prefers the instant in UTC to the wall clock. It is not before another one.
func (k *knowledge) instant(utc, local exporters.Instant, earliest time.Time) time.Time {
	if !utc.IsZero() {
		return utc.Time
	}
	return local.From(k.config.location, earliest)
}

// run gives the run that a row tells of, if it ended, and whether it goes on.
func (k *knowledge) run(r *row, start, end time.Time, out *exporters.Snapshot) (*exporters.Run, bool) {
	st, known := k.config.status(r.status)
	if !known {
		k.odd.count(out, "job_status", r.status)
		if end.IsZero() {
			return nil, !start.IsZero() // it did not end, whatever the word
		}
	}
	switch {
	case st.state == running:
		return nil, true
	case st.state == waiting:
		return nil, false
	case end.IsZero() && st.result == exporters.Missed:
		end = start // it was to begin then
	}
	if end.IsZero() {
		k.odd.count(out, "job_time", r.protection+" "+r.jobID)
		return nil, false
	}
	run := &exporters.Run{ID: r.jobID + "@" + start.UTC().Format(time.RFC3339), Start: start, End: end, Result: st.result}
	if st.result != exporters.Success {
		run.Error = "job " + r.jobID + " ended with the status " + firstOf(r.status, "(none)")
		if word := k.statusWord(r.status); word != "" {
			run.Error += " (" + word + ")"
		}
	}
	return run, false
}

// statusWord is the word configured for a number.
func (k *knowledge) statusWord(text string) string {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return ""
	}
	return k.config.JobStatuses[n]
}

// since is from when on the next reading has to begin so that it covers what
// may have changed: the jobs that run, and a while before the newest.
func (k *knowledge) since(overlap time.Duration) time.Time {
	at := k.newest.Add(-overlap)
	for _, u := range k.protections {
		for _, start := range u.open {
			if start.Before(at) {
				at = start
			}
		}
	}
	return at
}

// forgetBefore drops the protections without any job since then.
func (k *knowledge) forgetBefore(t time.Time) {
	maps.DeleteFunc(k.protections, func(_ string, u *protection) bool { return u.seen.Before(t) })
}

// outlived are the protections whose node has long gone on under another plan.
func (k *knowledge) outlived(after time.Duration) map[string]bool {
	newest := map[string]time.Time{}
	for _, u := range k.protections {
		if u.seen.After(newest[u.node]) {
			newest[u.node] = u.seen
		}
	}
	out := map[string]bool{}
	for id, u := range k.protections {
		if newest[u.node].Sub(u.seen) > after {
			out[id] = true
		}
	}
	return out
}

// jobs is a function of what is known.
func (k *knowledge) jobs(runs map[string][]exporters.Run, leaveOut map[string]bool) []exporters.Job {
	var out []exporters.Job
	for _, id := range slices.Sorted(maps.Keys(k.protections)) {
		if leaveOut[id] {
			continue
		}
		u := k.protections[id]
		j := k.config.job(id, u.machine, u.plan, u.objectType)
		k.config.own(&j, u)
		j.Runs = runs[id]
		for _, start := range u.open {
			j.Running = true
			if j.RunningSince.IsZero() || start.Before(j.RunningSince) {
				j.RunningSince = start
			}
		}
		out = append(out, j)
	}
	return out
}

// job gives a job with what the configuration says of all.
func (c *Config) job(id, machine, plan, objectType string) exporters.Job {
	return exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: id, Machine: machine, Class: c.MachineClass, Role: c.BackupRole,
		Engine: Engine, Plan: plan, ObjectType: objectType, Enabled: true, ExpectedInterval: c.ExpectedInterval.Of(c.MachineClass)}
}

// own gives the job to the customer of its plan.
func (c *Config) own(j *exporters.Job, u *protection) {
	if customer, ok := c.Customers[u.planID]; ok && u.planID != "" {
		j.Customer, j.CustomerName = customer, u.plan
		return
	}
	if c.Customer == "" {
		key := strings.ToLower(firstOf(u.planID, u.plan))
		j.CustomerKey, j.CustomerName = "plan/"+key, u.plan
		for _, taken := range c.Customers {
			if slug := exporters.Slug(u.plan); taken == slug {
				// Called like a customer that the configuration names, and another.
				j.CustomerKey, j.Customer = "", slug+"-"+exporters.Slug(key)
			}
		}
	}
}

package synology

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// versionGood is the only status of a version that was seen on complete ones.
const versionGood = "3"

// unscheduled is the status of a task that nothing starts but a person.
const unscheduled = "unscheduled"

// actionBackup tells a backup from a restore, a deletion and the rest.
const actionBackup = "1"

// activeJobs gives one job for each device of each task. A result is that of a
// run of the task, and holds for the devices of that run: somebody may have
// started a backup of one of them by hand.
func (f *facts) activeJobs(c *Config, tasks []activeTask, now time.Time, unknown counter) []exporters.Job {
	var out []exporters.Job
	for i := range tasks {
		t := &tasks[i]
		for field, odd := range map[string][]string{"devices": t.Devices.Odd, "versions": t.Versions.Odd} {
			for _, place := range odd {
				unknown(field+"."+place, "")
			}
		}
		unit := exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: "active/" + string(t.ID), Machine: cmp.Or(string(t.Name), string(t.ID)),
			Class: class(t.BackupType, unknown), Role: c.ActiveBackup.BackupRole, Engine: Engine, Plan: cmp.Or(string(t.Name), string(t.ID)),
			ObjectType: objectActive, Enabled: !t.paused(), NextRun: t.Next.Time}
		unit.ExpectedInterval = c.ExpectedInterval.Of(unit.Class)
		if word(t.Status) == unscheduled {
			unit.ExpectedInterval, unit.NextRun = exporters.OnDemand, time.Time{}
		}
		switch status := word(t.Status); status {
		case "", "waiting", "deleting", unscheduled, "none":
		case "backingup":
			unit.Running, unit.RunningSince = true, f.runningSince(unit.ID, now)
		default:
			unknown("task_status", status)
		}
		unit.Runs = f.activeRuns(t, unknown)
		if len(t.Devices.Items) == 0 {
			out = append(out, unit)
			continue
		}
		for n := range t.Devices.Items {
			d, one := &t.Devices.Items[n], unit
			one.ID = d.job(t)
			one.Machine = cmp.Or(string(d.HostName), unit.Machine)
			one.Runs = f.ofDevice(t, d, unit.Runs, unknown)
			out = append(out, one)
		}
	}
	return out
}

// ofDevice gives the runs of a task that were runs of the device, too, with what
// became of it. Where the NAS does not tell, one that failed may have failed for the
// device, and one that went well proves nothing for it. Which device a version is of
// is not told.
func (f *facts) ofDevice(t *activeTask, d *device, runs []exporters.Run, unknown counter) []exporters.Run {
	if len(t.Devices.Items) == 1 {
		return slices.Clone(runs)
	}
	var out []exporters.Run
	own, known := f.deviceRun(t, d).run(unknown)
	for _, r := range runs {
		told := t.Last != nil && len(t.Last.Config.Devices.Items) > 0
		switch {
		case r.Coarse:
			continue
		case known:
			r = own
		case told && !t.Last.covers(d):
			continue
		case !told && !r.Result.Failing():
			unknown("device_list", "")
			r.Result, r.Error = exporters.Unknown, "the NAS does not tell whether this device was among those that were saved"
		}
		out = append(out, r)
	}
	return out
}

// openRuns tells the runs of several devices of which the NAS does not say which
// of them they saved.
func (f *facts) openRuns(tasks []activeTask) []exporters.Unmatched {
	var out []exporters.Unmatched
	for i := range tasks {
		t := &tasks[i]
		if !t.shared() || len(t.Last.Config.Devices.Items) > 0 {
			continue
		}
		u := exporters.Unmatched{Open: exporters.OpenDevice, What: cmp.Or(string(t.Name), string(t.ID))}
		for n := range t.Devices.Items {
			if d := &t.Devices.Items[n]; f.deviceRun(t, d) == nil {
				u.Jobs = append(u.Jobs, d.job(t))
			}
		}
		if len(u.Jobs) > 0 {
			out = append(out, u)
		}
	}
	return out
}

// job is the job_id of the device in a task.
func (d *device) job(t *activeTask) string {
	return "active/" + string(t.ID) + "/" + cmp.Or(string(d.ID), string(d.HostName))
}

func class(backupType exporters.Text, unknown counter) exporters.Class {
	switch word(backupType) {
	case "1", "3", "4": // a virtual machine, a physical server, a file server
		return exporters.Server
	case "2":
		return exporters.Workstation
	case "5":
		return exporters.NAS
	default:
		unknown("backup_type", word(backupType))
		return exporters.Other
	}
}

// activeRuns gives the last backup, and the newest good version: the last
// result may be that of a restore or of a deletion.
func (f *facts) activeRuns(t *activeTask, unknown counter) []exporters.Run {
	var runs []exporters.Run
	id := "active/" + string(t.ID)
	if r, ok := t.Last.run(unknown); ok {
		runs = append(runs, r)
		if r.Result != exporters.Success && r.Result != exporters.Warning {
			f.noteBad(id, r.End)
		}
	}
	var newest *activeVersion
	for i := range t.Versions.Items {
		v := &t.Versions.Items[i]
		if word(v.Status) != versionGood {
			unknown("version_status", word(v.Status))
			continue
		}
		// What a run that went wrong left behind is no success.
		if !v.End.IsZero() && !f.bad[id][v.End.Unix()] && (newest == nil || v.End.After(newest.End.Time)) {
			newest = v
		}
	}
	if newest != nil {
		runs = append(runs, exporters.Run{Start: newest.Start.Time, End: newest.End.Time, Result: exporters.Success, Coarse: true})
	}
	return runs
}

// run reads the last result, if it is that of a backup and has ended.
func (r *activeResult) run(unknown counter) (exporters.Run, bool) {
	if r == nil || r.End.IsZero() {
		return exporters.Run{}, false
	}
	if word(r.Action) != actionBackup {
		if r.Action == "" {
			unknown("job_action", "")
		}
		return exporters.Run{}, false
	}
	out := exporters.Run{Start: r.Start.Time, End: r.End.Time}
	if r.ID != "" {
		out.ID = "result/" + string(r.ID)
	}
	out.Size = exporters.ParseAmount(word(r.Bytes))
	counts := ""
	if r.Errors != "" || r.Warnings != "" { // not of a device
		counts = " (errors " + cmp.Or(word(r.Errors), "0") + ", warnings " + cmp.Or(word(r.Warnings), "0") + ")"
	}
	switch word(r.Status) {
	case "2":
		out.Result = exporters.Success
		if w := word(r.Warnings); w != "" && w != "0" {
			out.Result, out.Error = exporters.Warning, "done with remarks"+counts
		}
		if e := word(r.Errors); e != "" && e != "0" {
			out.Result, out.Error = exporters.Failed, "done with errors"+counts
		}
	case "3":
		out.Result, out.Error = exporters.Failed, "not everything was saved"+counts
	case "4":
		out.Result, out.Error = exporters.Failed, "the backup failed"+counts
	case "5":
		out.Result, out.Error = exporters.Cancelled, "the backup was cancelled"
	case "6":
		out.Result, out.Error = exporters.Failed, "no backup was made"
	default:
		unknown("result_status", word(r.Status))
		out.Error = "the result is not known: " + word(r.Status)
	}
	return out, true
}

// agents tells which devices are connected.
func agents(c *Config, tasks []activeTask, unknown counter) []exporters.Agent {
	var out []exporters.Agent
	for i := range tasks {
		for _, d := range tasks[i].Devices.Items {
			state := word(d.Agent)
			if d.HostName == "" || state == "" {
				continue
			}
			if state != "online" && state != "offline" {
				unknown("agent_status", state)
			}
			out = append(out, exporters.Agent{Customer: c.Customer, Machine: string(d.HostName), Online: state == "online"})
		}
	}
	return out
}

// facts is what earlier readings taught: DSM does not tell since when a task
// runs, nor which of its versions a failed run left behind.
type facts struct {
	running    map[string]time.Time           // by job; those of the last reading
	next       map[string]time.Time           // those of this one
	bad        map[string]map[int64]bool      // by task, ends in unix seconds
	odd        map[string]bool                // unknown words that were counted
	deviceRuns map[deviceRunKey]*activeResult // of the last reading
	told       map[string]time.Time           // instants of tasks without a zone, as they were read
	read       time.Time                      // what the last reading did not tell came after it
}

func newFacts() *facts {
	return &facts{running: map[string]time.Time{}, next: map[string]time.Time{}, bad: map[string]map[int64]bool{}, odd: map[string]bool{}, told: map[string]time.Time{}}
}

// remember takes up what was known before the start.
func (f *facts) remember(jobs []exporters.Job) {
	for i := range jobs {
		j := &jobs[i]
		f.told[j.ID+" ended"] = j.LastRun
		task := j.ID
		if rest, ok := strings.CutPrefix(j.ID, "active/"); ok {
			id, _, _ := strings.Cut(rest, "/")
			task = "active/" + id
		}
		if j.Running && !j.RunningSince.IsZero() {
			f.running[task] = j.RunningSince
		}
		if j.LastResult.Failing() && !j.LastRun.IsZero() {
			f.noteBad(task, j.LastRun)
		}
	}
}

func (f *facts) runningSince(id string, now time.Time) time.Time {
	since, ok := f.running[id]
	if !ok {
		since = now
	}
	f.next[id] = since
	return since
}

// settle ends a reading that was made then, by the NAS's clock: what does not run any
// more is forgotten.
func (f *facts) settle(at time.Time) {
	f.running, f.next, f.read = f.next, map[string]time.Time{}, at.Add(-readSlack)
}

// readSlack is how far the clocks may differ beyond what is known of it.
const readSlack = 5 * time.Minute

// maxBad bounds how many ends of one task are kept; versions are fewer.
const maxBad = 1000

func (f *facts) noteBad(id string, end time.Time) {
	if f.bad[id] == nil || len(f.bad[id]) >= maxBad {
		f.bad[id] = map[int64]bool{}
	}
	f.bad[id][end.Unix()] = true
}

// counter counts a word that is not known.
type counter func(field, word string)

func (f *facts) counter(out *exporters.Snapshot) counter {
	return func(field, word string) {
		key := field + "=" + word
		if !f.odd[key] && len(f.odd) < 1000 {
			f.odd[key] = true
			out.CountUnknown(field)
		}
	}
}

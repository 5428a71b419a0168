package synology

import (
	"cmp"
	"strings"
	"time"

	"vigie/exporters"
)

// fineCode stands beside results that are fine.
const fineCode = "4401"

// brokenCode and brokenText tell that the destination is damaged, although
// the last result still reads done.
const (
	brokenCode = "4467"
	brokenText = "status_target_broken"
)

// hyperJobs is a function of the tasks and of what was running before.
func (f *facts) hyperJobs(c *Config, tasks []hyperTask, now time.Time, unknown counter) []exporters.Job {
	var out []exporters.Job
	for i := range tasks {
		t := &tasks[i]
		j := exporters.Job{Customer: c.Customer, CustomerName: c.CustomerName, ID: "hyper/" + string(t.ID), Machine: c.HyperBackup.Machine,
			Class: exporters.NAS, Role: c.HyperBackup.BackupRole, Engine: Engine, Plan: cmp.Or(string(t.Name), string(t.ID)), ObjectType: objectHyper,
			Enabled: true, ExpectedInterval: c.ExpectedInterval.Of(exporters.NAS)}
		for field, s := range map[string]stamp{"last_bkp_time": t.Last, "last_bkp_end_time": t.End, "last_bkp_success_time": t.Success, "next_bkp_time": t.Next} {
			if s.Bad {
				unknown(field, "")
			}
		}
		zone := c.HyperBackup.zone
		began := f.at(j.ID+" began", t.Last, time.Time{}, now, zone)
		end := f.at(j.ID+" ended", t.End, began, now, zone)
		j.NextRun, j.LastSuccess = t.Next.Coming(zone, now), f.at(j.ID+" succeeded", t.Success, time.Time{}, now, zone)
		if t.Schedule != nil && t.Schedule.Enabled.Off() { // a person starts it
			j.ExpectedInterval, j.NextRun = exporters.OnDemand, time.Time{}
		}
		r, text, state := t.outcome(unknown)
		switch state {
		case nowRunning:
			j.Running, j.RunningSince = true, f.runningSince(j.ID, now)
		case told:
			run := exporters.Run{End: end, Result: r, Error: text}
			if run.End.IsZero() {
				run.End = began
			}
			if run.End.IsZero() && r.Failing() {
				// A task that cannot run and never did: told once, as of now.
				run.ID, run.End = "state:"+t.State.Lower(), now
			}
			j.Runs = []exporters.Run{run}
		}
		out = append(out, j)
	}
	return out
}

// at reads an instant of a task on the NAS's clock. Of an hour that comes twice it is in
// the second pass if that has come and it must be: because of what came before it, or
// because the reading before, which found another one, was made after the first.
func (f *facts) at(what string, told stamp, after, now time.Time, zone *time.Location) time.Time {
	known := f.told[what]
	if !told.Zoneless || known.In(zone).Format(time.DateTime) != told.Time.Format(time.DateTime) {
		known = told.From(zone, exporters.Later(exporters.Later(after, known), f.read))
		if known.After(now.Add(readSlack)) {
			known = told.In(zone)
		}
	}
	f.told[what] = known
	return known
}

// telling is what a status says of the last run.
type telling int

const (
	nothing    telling = iota // what was known before stays
	told                      // the last run has a result
	nowRunning                // what was known before stays
)

// outcome reads state, status, result and error together. The state is heard
// first: a task whose destination is damaged keeps the result of its last run.
func (t *hyperTask) outcome(unknown counter) (exporters.Result, string, telling) {
	state, status := word(t.State), word(t.Status)
	if word(t.ErrorCode) == brokenCode || strings.HasSuffix(word(t.Error), brokenText) {
		return exporters.Failed, t.explain("the destination is damaged"), told
	}
	switch state {
	case "backupable", "":
	case "restore_only":
		return exporters.Failed, t.explain("the task can only restore"), told
	case "broken", "unauth", "endofservice":
		return exporters.Failed, t.explain("the task cannot run"), told
	case "error_detect":
		if status == "detect" || status == "detect_waiting" {
			return exporters.Unknown, "", nothing // the NAS is looking for itself
		}
		return exporters.Failed, t.explain("the destination was not found"), told
	default:
		unknown("state", state)
		return exporters.Unknown, t.explain("the state of the task is not known"), told
	}
	switch status {
	case "none", "", "waiting", "detect", "detect_waiting", "version_deleting", "preparing_version_delete":
	case "backup":
		return exporters.Unknown, "", nowRunning
	default:
		unknown("status", status) // what the task does now says nothing of its last run
		return exporters.Unknown, "", nothing
	}
	switch result := word(t.Result); result {
	case "done":
		if t.Error != "" {
			return exporters.Warning, t.explain("done, with an error beside"), told
		}
		return exporters.Success, "", told
	case "backingup", "resuming":
		return exporters.Unknown, "", nowRunning
	case "none", "":
		return exporters.Unknown, "", nothing
	case "failed", "fail", "error", "crash", "abort", "version_delete_failed":
		return exporters.Failed, t.explain("the backup failed"), told
	case "dest_missing", "target_missing":
		return exporters.Failed, t.explain("the destination was not found"), told
	case "cksum_failed", "checksum_failed", "failed_checking":
		return exporters.Failed, t.explain("what was saved is damaged"), told
	case "partial":
		return exporters.Failed, t.explain("not everything was saved"), told
	case "cancel", "canceled", "cancelled", "discard", "discarded":
		return exporters.Cancelled, t.explain("the backup was cancelled"), told
	case "suspend", "suspended":
		return exporters.Cancelled, t.explain("the backup was suspended"), told
	default:
		unknown("last_bkp_result", result)
		return exporters.Unknown, t.explain("the result is not known: " + result), told
	}
}

// explain puts DSM's own words behind ours.
func (t *hyperTask) explain(words string) string {
	var own []string
	if s := word(t.State); s != "" && s != "backupable" {
		own = append(own, "state "+s)
	}
	if t.Error != "" {
		own = append(own, string(t.Error))
	}
	if code := word(t.ErrorCode); code != "" && code != "0" && code != fineCode {
		own = append(own, "error "+code)
	}
	if len(own) == 0 {
		return words
	}
	return words + " (" + strings.Join(own, ", ") + ")"
}

func word(t exporters.Text) string { return strings.ToLower(strings.TrimSpace(string(t))) }

// repositories gives the destinations, under names that are unique.
func repositories(targets []target, customer string) []exporters.Repository {
	count := map[string]int{}
	for _, t := range targets {
		count[string(t.task.Name)]++
	}
	var out []exporters.Repository
	for _, t := range targets {
		name := string(t.task.Name)
		if name == "" || count[name] > 1 {
			name = strings.TrimSpace(name + " (" + string(t.task.ID) + ")")
		}
		out = append(out, exporters.Repository{Customer: customer, Name: name, CapacityBytes: -1, FreeBytes: -1, Online: t.Online.Pointer()})
	}
	return out
}

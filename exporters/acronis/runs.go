package acronis

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// backupCommand is the activity type of a machine's backup.
const backupCommand = "8f01ac13-f59e-4851-9204-de1fd77e36b4"

// isBackup recognises the tasks that are runs of a backup; applying a plan
// with a backup in it is not one.
func isBackup(t *task) bool {
	kind := strings.ToLower(t.Type)
	switch {
	case kind == backupCommand, strings.Contains(kind, "backup"):
		return true
	case strings.HasPrefix(kind, "policy."):
		return false
	default:
		return strings.HasPrefix(strings.ToLower(t.Policy.Type), "policy.backup")
	}
}

// running tells whether something of the resource ran when it was read.
func (r *resourceStatus) running() bool {
	return bool(r.Aggregate.Running) || slices.ContainsFunc(r.Policies, func(p policyStatus) bool {
		return strings.EqualFold(p.Status, "running") || strings.EqualFold(p.Status, "cancelling") || bool(p.Running)
	})
}

func (b *builder) isRunning(u *protection) (bool, time.Time) {
	running := strings.EqualFold(u.status.Status, "running") || bool(u.status.Running)
	if u.applied != nil {
		running = running || u.applied.runs
	}
	if u.resource.policies == 1 {
		running = running || bool(u.resource.Aggregate.Running)
	}
	var since time.Time
	for _, t := range b.started[u.resource.Context.ID.Lower()] {
		if u.concerns(t.Policy.ID, t.Policy.Type) {
			running = true
			since = t.StartedAt.Time
		}
	}
	return running, since
}

// activities tells whether something runs: an object of what does, or nothing.
type activities bool

// UnmarshalJSON looks at the state that the object has.
func (a *activities) UnmarshalJSON(raw []byte) error {
	if *a = activities(present(raw)); !*a {
		return nil
	}
	var r struct {
		State string `json:"state"`
	}
	if json.Unmarshal(raw, &r) == nil && r.State != "" { // without a state it is an object of what runs
		*a = activities(strings.EqualFold(r.State, "running") || strings.EqualFold(r.State, "cancelling"))
	}
	return nil
}

// concerns tells whether a task or alert of a resource is about this protection.
func (u *protection) concerns(policyID exporters.Text, policyType string) bool {
	id := plainID(policyID)
	if id != "" && len(u.ids) > 0 {
		// Without the policy's parents, of which a task may speak, a lone
		// backup is the only one that can be meant.
		return slices.Contains(u.ids, id) || u.alone && u.policy == nil
	}
	return u.alone || policyType != "" && strings.EqualFold(policyType, u.kind)
}

// matchWindow is how far the instants of one run may lie apart in two services.
const matchWindow = 2 * time.Minute

// runs gives what is known of the protection's finished and missed runs. The status
// listing decides whether the last run was good; tasks and alerts explain it.
// Without tasks: where two plans cannot be told apart, a success of the one
// must not stand for the other.
func (b *builder) runs(u *protection, running, withTasks bool) []exporters.Run {
	var runs []exporters.Run
	id := u.resource.Context.ID.Lower()
	for i := range b.known.tasks[id] {
		if !withTasks {
			break
		}
		if r := &b.known.tasks[id][i]; u.concerns(exporters.Text(r.policyID), r.policyType) {
			runs = append(runs, r.Run)
		}
	}
	last := u.lastRun()
	if !running && !last.IsZero() {
		runs = b.reconcile(u, runs, last)
	}
	if !last.IsZero() {
		runs = slices.DeleteFunc(runs, u.unconfirmed)
	}
	for _, a := range b.alerted[id] {
		if u.concerns(a.Details.PlanID, "") {
			if run, ok := missed(a); ok {
				runs = append(runs, run)
			}
		}
	}
	return runs
}

// unconfirmed tells a good task that began after the last run that the status
// knows to be good. Checking or tidying an archive is a task of the same policy
// and no backup; a backup that was one is told once the status says so.
func (u *protection) unconfirmed(r exporters.Run) bool {
	began := cmp.Or(r.Start, r.End).Add(-matchWindow)
	switch r.Result {
	case exporters.Success:
		return began.After(u.success())
	case exporters.Warning: // whether it moves the last success is not documented
		return began.After(u.lastRun())
	default:
		return false
	}
}

func (b *builder) taskRun(t *task) exporters.Run {
	run := exporters.Run{ID: t.UUID.Lower(), Start: t.StartedAt.Time, End: t.CompletedAt.Time, Error: t.Result.Error.explain()}
	switch strings.ToLower(t.Result.Code) {
	case "ok":
		run.Result = exporters.Success
	case "warning":
		run.Result = exporters.Warning
		if len(t.Result.Warnings) > 0 {
			run.Error = cmp.Or(run.Error, t.Result.Warnings[0].explain())
		}
	case "error", "abandoned", "timedout":
		run.Result = exporters.Failed
		run.Error = cmp.Or(run.Error, strings.ToLower(t.Result.Code))
	case "cancelled", "canceled":
		run.Result = exporters.Cancelled
	default:
		b.unknown("task_result", t.Result.Code)
	}
	return run
}

// reconcile joins the listing's last run with the task that reports the same
// run, or adds it on its own.
func (b *builder) reconcile(u *protection, runs []exporters.Run, last time.Time) []exporters.Run {
	listed := exporters.Run{End: last, Result: b.listedResult(u), Coarse: true}
	if a := failure(b.alerted[u.resource.Context.ID.Lower()], u, last); a != nil && listed.Result == exporters.Failed {
		listed.Error = a.explain()
		if strings.EqualFold(a.Type, "BackupCanceled") {
			listed.Result = exporters.Cancelled
		}
	}
	at := -1
	for i, run := range runs {
		from := run.Start
		if from.IsZero() {
			from = run.End
		}
		if !last.Before(from.Add(-matchWindow)) && !last.After(run.End.Add(matchWindow)) && (at < 0 || run.End.After(runs[at].End)) {
			at = i
		}
	}
	if at < 0 {
		return append(runs, listed)
	}
	run := &runs[at]
	run.End = last
	if run.Start.After(last) {
		run.Start = time.Time{}
	}
	if run.Error == "" {
		run.Error = listed.Error
	}
	if listed.Result == exporters.Unknown || run.Result == exporters.Success && listed.Result != exporters.Success {
		// Two services disagree: the better word is not believed.
		run.Result = listed.Result
		run.Error = cmp.Or(run.Error, "the machine's status does not confirm the success that the task reports")
	}
	return runs
}

// listedResult reads the protection's status. The times tell success from failure;
// the word is believed only where it says less good.
func (b *builder) listedResult(u *protection) exporters.Result {
	switch strings.ToLower(u.status.Status) {
	case "", "idle", "ok", "scheduled", "warning", "running", "cancelling", "interaction_required", "no_policies_applied", "not_protected":
	case "error", "critical", "failed":
		return exporters.Failed
	default:
		b.unknown("policy_status", u.status.Status)
		return exporters.Unknown
	}
	switch {
	case !u.ok():
		return exporters.Failed
	case strings.EqualFold(u.status.Status, "warning"):
		return exporters.Warning
	default:
		return exporters.Success
	}
}

// failure finds the alert that explains the run that ended at last.
func failure(alerts []*alert, u *protection, last time.Time) *alert {
	var best *alert
	for _, a := range alerts {
		if !strings.EqualFold(a.Type, "BackupFailed") && !strings.EqualFold(a.Type, "BackupCanceled") || !u.concerns(a.Details.PlanID, "") {
			continue
		}
		at := a.Details.FinishTime.Time
		if at.IsZero() {
			at = a.noticed()
		}
		if at.Before(last.Add(-matchWindow)) {
			continue
		}
		if best == nil || a.noticed().After(best.noticed()) {
			best = a
		}
	}
	return best
}

// noticed is when an alert was raised. createdAt is the machine's clock and
// may run ahead of receivedAt, the cloud's.
func (a *alert) noticed() time.Time {
	switch {
	case a.CreatedAt.IsZero():
		return a.ReceivedAt.Time
	case !a.ReceivedAt.IsZero() && a.ReceivedAt.Before(a.CreatedAt.Time):
		return a.ReceivedAt.Time
	default:
		return a.CreatedAt.Time
	}
}

// missed makes a missed run of the alerts that say a run did not start.
func missed(a *alert) (exporters.Run, bool) {
	var text string
	switch strings.ToLower(a.Type) {
	case "backupstatusunknown":
		text = "the agent was offline at the planned time"
	case "backupdidnotstart":
		text = "the backup did not start at the planned time"
	default:
		return exporters.Run{}, false
	}
	if detail := a.explain(); detail != "" && detail != a.Type {
		text += ": " + detail
	}
	return exporters.Run{ID: "alert:" + a.ID.Lower(), End: a.noticed(), Result: exporters.Missed, Error: text}, !a.noticed().IsZero()
}

package proxmoxbackup

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

// startSlack is how far the date of a snapshot may lie from the start of the
// task that made it: the client dates it, by its own clock, and then calls.
const startSlack = 30 * time.Minute

// knowledge is what earlier readings taught: a group whose last snapshot was
// pruned is not in any list.
type knowledge struct {
	groups map[groupKey]*group
	places map[string]groupKey // by the UPID of a task; what its log told, zero for nothing
	odd    map[string]bool     // unknown words that were counted
}

type group struct {
	machine string
	owner   string    // of its newest snapshot; empty if the server does not tell
	seen    time.Time // its last run
}

func newKnowledge() *knowledge {
	return &knowledge{groups: map[groupKey]*group{}, places: map[string]groupKey{}, odd: map[string]bool{}}
}

// remember takes up the jobs that were known before the start.
func (k *knowledge) remember(jobs []exporters.Job, now time.Time) {
	for i := range jobs {
		j := &jobs[i]
		key, ok := parseJob(j.ID)
		if !ok {
			continue
		}
		g := &group{machine: j.Machine, seen: j.LastRun}
		if j.LastSuccess.After(g.seen) {
			g.seen = j.LastSuccess
		}
		if g.seen.IsZero() {
			g.seen = now
		}
		k.groups[key] = g
	}
}

// counter counts a word that is not known.
type counter func(field, word string)

func (k *knowledge) counter(out *exporters.Snapshot) counter {
	return func(field, word string) {
		key := field + "=" + word
		if !k.odd[key] && len(k.odd) < 1000 {
			k.odd[key] = true
			out.CountUnknown(field)
		}
	}
}

// reading is what one refresh found.
type reading struct {
	stores    []datastore
	snapshots []snapshot
	tasks     []task
	spaces    map[string]bool // by datastore that was ever listed: whether it has namespaces
	unread    map[space]error // what the server itself could not read now
}

// build gives one job for each group that has snapshots, had some, or of
// which a task tells, and the tasks of which nobody can tell whose they are.
func (k *knowledge) build(c *Config, r reading, now time.Time, unknown counter) ([]exporters.Job, []exporters.Unmatched) {
	groups := map[groupKey][]snapshot{}
	for _, s := range r.snapshots {
		groups[s.key()] = append(groups[s.key()], s)
	}
	for _, all := range groups {
		slices.SortFunc(all, func(a, b snapshot) int { return a.Time.Compare(b.Time.Time) })
	}
	for key, all := range groups {
		g := k.groups[key]
		if g == nil {
			g = &group{}
			k.groups[key] = g
		}
		g.see(all[len(all)-1].Time.Time)
		g.owner = string(all[len(all)-1].Owner)
		// A comment that is gone does not rename the machine.
		if name := machineName(c, key, all); name != key.id || g.machine == "" || c.MachineFrom == "id" {
			g.machine = name
		}
	}
	tasks, open, unmatched := k.assign(r, unknown)
	left := r.left(now)
	for key, all := range tasks {
		if k.groups[key] == nil {
			k.groups[key] = &group{machine: key.id}
		}
		for i := range all {
			k.groups[key].see(all[i].Start.Time)
		}
	}
	k.forget(c, r, groups, now)
	var out []exporters.Job
	for _, key := range slices.SortedFunc(maps.Keys(k.groups), func(a, b groupKey) int { return strings.Compare(a.job(), b.job()) }) {
		if id := key.job(); !c.ignored(id) {
			out = append(out, k.job(c, key, groups[key], work{tasks[key], open[key], left(key)}, unknown))
		}
	}
	return out, unmatched
}

func (g *group) see(at time.Time) {
	if at.After(g.seen) {
		g.seen = at
	}
}

// forget drops groups that nothing was heard of for long. Those of a datastore or a
// namespace that cannot be read now stay.
func (k *knowledge) forget(c *Config, r reading, groups map[groupKey][]snapshot, now time.Time) {
	for key, g := range k.groups {
		if groups[key] == nil && !r.closed(key) && now.Sub(g.seen) > time.Duration(c.ForgetGroupsAfter) {
			delete(k.groups, key)
		}
	}
}

// closed tells whether the server could not read where a group lies.
func (r *reading) closed(key groupKey) bool {
	return r.unread[space{key.store, key.ns}] != nil || r.unread[space{store: key.store}] != nil ||
		slices.ContainsFunc(r.stores, func(d datastore) bool { return string(d.Name) == key.store && d.offline() })
}

// work are the tasks of a group.
type work struct {
	own  []task
	open []task // that went wrong, here or in another namespace: nobody can tell
	// left is since when an unfinished snapshot was left behind, or a sync fetches it,
	// which dates it as the other server did; zero while a backup runs under this name.
	left time.Time
}

// left gives that instant by group. Without any task nobody knows what runs.
func (r *reading) left(now time.Time) func(groupKey) time.Time {
	working := map[groupKey]bool{}
	for i := range r.tasks {
		if bare, ok := r.tasks[i].group(); ok && r.tasks[i].End.IsZero() {
			working[bare] = true
		}
	}
	return func(key groupKey) time.Time {
		if len(r.tasks) == 0 || working[key.bare()] {
			return time.Time{}
		}
		return now.Add(-startSlack)
	}
}

// assign gives the tasks to groups. In a datastore with namespaces the list
// does not say to which of them a task belongs: the log of one that went wrong
// does. Where it cannot be read the task stays open for every group that it may
// have worked for, and what it says is shown at none. A good one needs no log,
// since its snapshot proves it.
func (k *knowledge) assign(r reading, unknown counter) (own, open map[groupKey][]task, unmatched []exporters.Unmatched) {
	byName := map[groupKey][]groupKey{}
	for key := range k.groups {
		byName[key.bare()] = append(byName[key.bare()], key)
	}
	read := map[string]bool{}
	for i := range r.stores {
		read[string(r.stores[i].Name)] = true
	}
	own, open = map[groupKey][]task{}, map[groupKey][]task{}
	for _, t := range r.tasks {
		if t.Type.Lower() != "backup" {
			continue
		}
		bare, ok := t.group()
		if !ok {
			unknown("worker_id", "")
			continue
		}
		spaces, listed := r.spaces[bare.store]
		if !read[bare.store] || !listed {
			continue
		}
		if !spaces {
			own[bare] = append(own[bare], t)
			continue
		}
		if key := k.places[string(t.UPID)]; key.store != "" {
			own[key] = append(own[key], t)
			continue
		}
		keys := slices.DeleteFunc(slices.Clone(byName[bare]), func(key groupKey) bool { return !t.mayBackUp(k.groups[key].owner) })
		switch {
		case !t.needsPlace():
			if len(keys) == 1 {
				own[keys[0]] = append(own[keys[0]], t)
			}
		case !t.End.IsZero():
			unknown("task_namespace", string(t.UPID))
			for _, key := range keys {
				open[key] = append(open[key], t)
			}
			if u, still := k.unmatched(&t, keys); still {
				unmatched = append(unmatched, u)
			}
		}
	}
	for _, all := range own {
		slices.SortFunc(all, func(a, b task) int { return cmp.Or(a.Start.Compare(b.Start.Time), cmp.Compare(a.UPID, b.UPID)) })
	}
	return own, open, unmatched
}

// unmatched tells a task that may be of any of the groups, unless each of them
// has had a run since.
func (k *knowledge) unmatched(t *task, keys []groupKey) (exporters.Unmatched, bool) {
	u := exporters.Unmatched{Open: exporters.OpenNamespace, What: string(t.UPID), Jobs: []string{}}
	still := len(keys) == 0
	for _, key := range keys {
		u.Jobs = append(u.Jobs, key.job())
		still = still || !k.groups[key].seen.After(t.End.Time)
	}
	slices.Sort(u.Jobs)
	return u, still
}

// needsPlace tells a task that says more than its snapshot does.
func (t *task) needsPlace() bool {
	return t.End.IsZero() || !strings.EqualFold(strings.TrimSpace(string(t.Status)), "ok")
}

// maxLogs bounds how many logs one reading asks for; the newest go first.
const maxLogs = 200

// locate finds out, for tasks of which the list does not tell it, to which
// namespace they belong. The error is non-nil only if the time is up.
func (k *knowledge) locate(ctx context.Context, r reading, whereOf func(context.Context, *task) (groupKey, error)) (exporters.Endpoint, error) {
	e := exporters.Endpoint{Name: logsName}
	listed := map[string]bool{}
	var wanted []*task
	for i := range r.tasks {
		t := &r.tasks[i]
		listed[string(t.UPID)] = true
		bare, ok := t.group()
		if _, asked := k.places[string(t.UPID)]; ok && !asked && t.Type.Lower() == "backup" && r.spaces[bare.store] && t.needsPlace() {
			wanted = append(wanted, t)
		}
	}
	maps.DeleteFunc(k.places, func(upid string, _ groupKey) bool { return !listed[upid] })
	slices.SortFunc(wanted, func(a, b *task) int { return cmp.Or(b.Start.Compare(a.Start.Time), cmp.Compare(a.UPID, b.UPID)) })
	for _, t := range wanted[:min(len(wanted), maxLogs)] {
		key, err := whereOf(ctx, t)
		if ctx.Err() != nil {
			return e, &exporters.SourceError{Endpoint: logsName, Reason: exporters.ReasonTimeout, Err: ctx.Err()}
		}
		switch reason := exporters.ReasonOf(err); {
		case err == nil:
			k.places[string(t.UPID)] = key
			e.Items++
		case reason == exporters.ReasonNotFound || reason == exporters.ReasonMalformed || reason == exporters.ReasonOther: // 400: the log is gone
			e.Err = err
			if !t.End.IsZero() {
				k.places[string(t.UPID)] = groupKey{} // it will never tell
			}
		default:
			e.Err = err
			return e, nil // the others would fare no better
		}
	}
	return e, nil
}

// machineName takes the comment that most snapshots carry, the newest of
// equals: somebody may have written a remark into one.
func machineName(c *Config, key groupKey, all []snapshot) string {
	if c.MachineFrom == "id" || key.kind == "host" {
		return key.id
	}
	count := map[string]int{}
	best := ""
	for i := range slices.Backward(all) {
		name, _, _ := strings.Cut(strings.TrimSpace(string(all[i].Comment)), "\n")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		count[name]++
		if count[name] > count[best] {
			best = name
		}
	}
	return cmp.Or(best, key.id)
}

func class(kind string, unknown counter) exporters.Class {
	switch kind {
	case "vm", "ct", "host":
		return exporters.Server
	default:
		unknown("backup_type", kind)
		return exporters.Other
	}
}

// job tells one group: its newest finished snapshot is the last good run, and
// tasks tell the ones that failed.
func (k *knowledge) job(c *Config, key groupKey, all []snapshot, work work, unknown counter) exporters.Job {
	tasks := work.own
	j := exporters.Job{ID: key.job(), Machine: k.groups[key].machine, Class: class(key.kind, unknown), Role: c.BackupRole, Engine: Engine,
		Plan: key.store, ObjectType: key.kind, Enabled: true}
	if key.ns != "" {
		j.Plan += "/" + key.ns
	}
	j.Customer, j.CustomerName = c.customer(key.store, key.ns)
	j.ExpectedInterval = c.ExpectedInterval.Of(j.Class)
	var newest *snapshot
	for i := range slices.Backward(all) {
		s := &all[i]
		if !s.finished() {
			if newest == nil && !j.Running && !s.Time.Before(work.left) {
				j.Running, j.RunningSince = true, s.Time.Time
			}
			continue
		}
		if newest == nil {
			newest = s
		}
		if v := s.verified(); v == "" || v == "ok" {
			j.LastSuccess = s.Time.Time
			break
		}
	}
	for i := range tasks {
		if t := &tasks[i]; !t.End.IsZero() && t.wentWrong() {
			j.Runs = append(j.Runs, exporters.Run{ID: string(t.UPID), Start: t.Start.Time, End: t.End.Time, Result: t.result(), Error: t.words()})
		}
	}
	for i := range work.open {
		t := &work.open[i]
		j.Runs = append(j.Runs, exporters.Run{ID: string(t.UPID), Start: t.Start.Time, End: t.End.Time, Result: exporters.Unknown,
			Error: "a backup of this name ended with an error or a warning, in this namespace or in another; let the token read the logs of tasks to tell"})
	}
	if len(tasks) > 0 { // the last task knows better than what lies there unfinished
		switch last := &tasks[len(tasks)-1]; {
		case last.End.IsZero():
			j.Running, j.RunningSince = true, last.Start.Time
		case j.Running && !j.RunningSince.After(last.End.Time):
			j.Running, j.RunningSince = false, time.Time{}
		}
	}
	if newest != nil {
		j.Runs = append(j.Runs, newest.run(tasks, unknown))
	}
	return j
}

// wentWrong tells a task that ended without a backup.
func (t *task) wentWrong() bool {
	status := strings.ToLower(strings.TrimSpace(string(t.Status)))
	return status != "ok" && !strings.HasPrefix(status, "warnings")
}

// result tells a task that went wrong. Somebody stopped the one of which the server
// says that it was aborted; what the client says of itself may mean anything.
func (t *task) result() exporters.Result {
	if strings.EqualFold(strings.TrimSpace(string(t.Status)), "task aborted") {
		return exporters.Cancelled
	}
	return exporters.Failed
}

func (t *task) words() string {
	switch status := strings.TrimSpace(string(t.Status)); strings.ToLower(status) {
	case "", "unknown":
		return "the task ended and the server does not know how"
	default:
		return status
	}
}

// run tells a finished snapshot, with the end and the remarks of its task
// where that is still known.
func (s *snapshot) run(tasks []task, unknown counter) exporters.Run {
	r := exporters.Run{ID: "snapshot/" + strconv.FormatInt(s.Time.Unix(), 10), Start: s.Time.Time, End: s.Time.Time, Result: exporters.Success, Coarse: true}
	r.Size = exporters.ParseAmount(string(s.Size))
	if t := s.task(tasks); t != nil {
		r.End, r.Coarse = t.End.Time, false
		if !strings.EqualFold(strings.TrimSpace(string(t.Status)), "ok") {
			r.Result, r.Error = exporters.Warning, string(t.Status)
		}
	}
	switch v := s.verified(); v {
	case "", "ok":
	case "failed":
		r.Result, r.Error = exporters.Failed, "the verification of the last snapshot failed"
	default:
		unknown("verification", v)
		r.Result, r.Error = exporters.Unknown, "the state of the verification is not known: "+v
	}
	return r
}

// task finds the one that made the snapshot, if it is still known.
func (s *snapshot) task(tasks []task) *task {
	var best *task
	nearest := startSlack
	for i := range tasks {
		t := &tasks[i]
		if apart := t.Start.Sub(s.Time.Time).Abs(); !t.End.IsZero() && !t.wentWrong() && apart <= nearest {
			best, nearest = t, apart
		}
	}
	return best
}

// told gives bytes, or -1 for what the server does not tell.
func told(n exporters.Number) float64 {
	if !n.Told {
		return -1
	}
	return n.Value
}

// repositories gives the datastores with their space.
func repositories(c *Config, stores []datastore) []exporters.Repository {
	var out []exporters.Repository
	for i := range stores {
		d := &stores[i]
		online := !d.offline()
		r := exporters.Repository{Name: string(d.Name), CapacityBytes: told(d.Total), FreeBytes: told(d.Avail), Online: &online}
		r.Customer, _ = c.customer(string(d.Name), "")
		if !online || d.cached() {
			r.CapacityBytes, r.FreeBytes = -1, -1
		}
		out = append(out, r)
	}
	return out
}

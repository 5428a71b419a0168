package acronis

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// listing is what one refresh read.
type listing struct {
	tenants      []tenant
	plans        []plan
	applications []application
	statuses     []resourceStatus
	tasks        []task
	running      []task
	alerts       []alert
	agents       []agent
	agentsAt     time.Time // when the agents were listed
	usages       []usage
	trials       []trial

	// What of it is new, and what the snapshot tells of; nil is everything.
	tenantsMoved  bool
	freshStatuses []resourceStatus
	freshAlerts   []alert
	only          *changes
	sameRest      bool
}

// tells says whether the snapshot tells of a resource.
func (l *listing) tells(id string) bool { return l.only == nil || l.only.all || l.only.resources[id] }

// knowledge is what earlier refreshes taught and the next one does not repeat.
type knowledge struct {
	tasks   map[string][]ran     // by resource: the last runs that tasks told, oldest first
	words   map[string]string    // policies' ids, types and names, each kept once
	numeric map[string]tenantRef // by numeric id
	odd     map[string]bool      // unknown values that were counted
	alerts  map[string]bool      // alerts whose resource was asked for
	learned bool                 // numeric says more than before
	// taskOnly holds, by resource and kind, the plan of backups that only
	// tasks tell of; the product forgets tasks.
	taskOnly map[string]map[string]string
	// nameless are the tenants that nothing explained yet; strangers tells
	// that there are new ones among them.
	nameless  map[string]bool
	strangers bool
}

func newKnowledge() knowledge {
	return knowledge{tasks: map[string][]ran{}, words: map[string]string{}, numeric: map[string]tenantRef{}, odd: map[string]bool{}, alerts: map[string]bool{},
		taskOnly: map[string]map[string]string{}, nameless: map[string]bool{}}
}

// ran is what is kept of a task that was a backup.
type ran struct {
	exporters.Run
	policyID, policyType, plan string
}

// kind is the type of the backup, as far as the task tells.
func (r *ran) kind() string { return backupKind(r.policyType) }

func backupKind(policyType string) string {
	if kind := strings.ToLower(policyType); strings.HasPrefix(kind, anyBackup) {
		return kind
	}
	return anyBackup
}

// word keeps one copy of what thousands of tasks repeat.
func (k *knowledge) word(s string) string {
	w, known := k.words[s]
	if !known {
		w = strings.Clone(s)
		k.words[w] = w
	}
	return w
}

// has tells whether a backup task was seen before.
func (k *knowledge) has(t *task) bool {
	id := t.UUID.Lower()
	return slices.ContainsFunc(k.tasks[t.Resource.ID.Lower()], func(r ran) bool { return r.ID == id })
}

// remember takes up what was known before the start.
func (k *knowledge) remember(jobs []exporters.Job) {
	for i := range jobs {
		id, kind, ok := strings.Cut(jobs[i].ID, "/")
		if ok && cloudApplication(jobs[i].ObjectType) {
			k.noteTaskOnly(id, kind, jobs[i].Plan)
		}
	}
}

func (k *knowledge) noteTaskOnly(resource, kind, plan string) {
	if k.taskOnly[resource] == nil {
		k.taskOnly[resource] = map[string]string{}
	}
	k.taskOnly[resource][kind] = cmp.Or(plan, k.taskOnly[resource][kind], kind)
}

// builder turns a listing into a snapshot.
type builder struct {
	listing
	known  *knowledge
	config *Config
	now    time.Time
	out    exporters.Snapshot

	dir      *directory
	policies map[string]*policy        // by id
	planned  map[*policy]schedule      // read once for all that a policy backs up
	applied  map[string][]*application // by resource
	alerted  map[string][]*alert       // by resource
	started  map[string][]*task        // by resource
}

// build is a function of its arguments, except that it adds to known.
func build(l listing, known *knowledge, config *Config, now time.Time) exporters.Snapshot {
	b := &builder{listing: l, known: known, config: config, now: now}
	known.strangers = false
	touched := b.learn()
	if b.only != nil && known.learned {
		b.only.all = true // a tenant that nobody could name has a name
	}
	known.learned = false
	b.index()
	protected := make(map[string]bool, len(b.statuses))
	for i := range b.statuses {
		r := &b.statuses[i]
		protected[r.key()] = true
		if b.tells(r.key()) {
			b.resource(r)
		}
	}
	for id := range touched {
		// The poller has taken the older ones; these are kept for what the
		// statuses will say of them.
		known.tasks[id] = slices.Clone(known.tasks[id][max(0, len(known.tasks[id])-rememberedTasks):])
	}
	b.settle()
	forget(known.tasks, protected)
	forget(known.taskOnly, protected)
	present := make(map[string]bool, len(b.alerts))
	for i := range b.alerts {
		present[b.alerts[i].key()] = true
	}
	forget(known.alerts, present)
	if !b.sameRest {
		b.agentList()
		b.quotas()
	}
	return b.out
}

// settled is how old a task has to be before it is forgotten: younger ones come
// again with the next reading.
const settled = time.Hour

// settle forgets the tasks of which the status has told since, and which this
// snapshot tells: nothing that comes later is explained by them. They are most of
// what would be held of a machine with one backup.
func (b *builder) settle() {
	before := len(b.known.tasks)
	defer func() {
		if n := len(b.known.tasks); n < before/2 { // a map gives no room back by itself
			b.known.tasks = maps.Collect(maps.All(b.known.tasks))
		}
	}()
	for i := range b.statuses {
		r := &b.statuses[i]
		id := r.key()
		if len(b.known.tasks[id]) == 0 || len(r.Policies) != 1 || r.runs || !b.tells(id) {
			continue
		}
		known := r.Policies[0].LastRun.time().Add(matchWindow)
		left := slices.DeleteFunc(b.known.tasks[id], func(t ran) bool {
			return !t.End.After(known) && b.now.Sub(t.End) > settled && t.Result != exporters.Unknown
		})
		if len(left) == 0 {
			delete(b.known.tasks, id)
			continue
		}
		b.known.tasks[id] = left
	}
}

// forget drops what is known of things that are gone.
func forget[T any](known map[string]T, there map[string]bool) {
	for id := range known {
		if !there[id] {
			delete(known, id)
		}
	}
}

// unknown counts a value once per field and value, over all refreshes.
func (b *builder) unknown(field, value string) {
	key := field + "=" + strings.ToLower(value)
	if b.known.odd[key] || len(b.known.odd) > 1000 {
		return
	}
	b.known.odd[key] = true
	b.out.CountUnknown(field)
}

// learn keeps the tasks of this refresh and the numbers of tenants. It gives
// the resources of which tasks tell.
func (b *builder) learn() map[string]bool {
	note := func(t tenantRef) {
		id := t.ID.Lower()
		if id == "" {
			return
		}
		old := b.known.numeric[id]
		if t.UUID == "" {
			t.UUID = old.UUID
		}
		if t.Locator == "" {
			t.Locator = old.Locator
		}
		if t.Name == "" {
			t.Name = old.Name
		}
		if t != old {
			b.known.numeric[id], b.known.learned = t, true
		}
	}
	for i := range b.alerts {
		note(b.alerts[i].Tenant)
	}
	if !b.sameRest {
		for i := range b.agents {
			note(b.agents[i].Tenant)
		}
		for i := range b.usages {
			note(tenantRef{ID: b.usages[i].TenantID, UUID: b.usages[i].TenantUUID})
		}
	}
	touched := map[string]bool{}
	for i := range b.tasks {
		t := &b.tasks[i]
		note(t.Tenant)
		id := t.Resource.ID.Lower()
		if id == "" || t.CompletedAt.IsZero() || !isBackup(t) {
			continue
		}
		one := ran{Run: b.taskRun(t), policyID: b.known.word(string(t.Policy.ID)), policyType: b.known.word(t.Policy.Type), plan: b.known.word(t.Policy.Name)}
		list := b.known.tasks[id]
		// A task and its activity are one run and share the uuid; the
		// overlap of two readings repeats it as well.
		if at := slices.IndexFunc(list, func(o ran) bool { return o.ID == one.ID }); at >= 0 {
			list[at] = one
		} else {
			list = append(list, one)
		}
		b.known.tasks[id] = list
		touched[id] = true
	}
	for id := range touched {
		list := b.known.tasks[id]
		slices.SortStableFunc(list, func(x, y ran) int { return x.End.Compare(y.End) })
		b.known.tasks[id] = list[max(0, len(list)-keptTasks):]
	}
	return touched
}

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

func (b *builder) index() {
	b.dir = newDirectory(b.tenants, b.known.numeric, b.config.Customers)
	b.policies = map[string]*policy{}
	b.planned = map[*policy]schedule{}
	for i := range b.plans {
		for j := range b.plans[i].Policy {
			p := &b.plans[i].Policy[j]
			b.policies[plainID(p.ID)] = p
		}
	}
	b.applied = map[string][]*application{}
	for i := range b.applications {
		if id := b.applications[i].Context.ID.Lower(); b.tells(id) {
			b.applied[id] = append(b.applied[id], &b.applications[i])
		}
	}
	b.alerted = map[string][]*alert{}
	for i := range b.alerts {
		id := b.alerts[i].Details.ResourceID.Lower()
		b.alerted[id] = append(b.alerted[id], &b.alerts[i])
	}
	b.started = map[string][]*task{}
	for i := range b.running {
		if t := &b.running[i]; isBackup(t) && t.CompletedAt.IsZero() {
			b.started[t.Resource.ID.Lower()] = append(b.started[t.Resource.ID.Lower()], t)
		}
	}
}

// plainID takes the type off ids written "uuid@policy.backup.machine".
func plainID(id exporters.Text) string {
	plain, _, _ := strings.Cut(id.Lower(), "@")
	return plain
}

// protection is one backup policy on one resource.
type protection struct {
	status   policyStatus
	kind     string   // policy.backup.machine
	ids      []string // of the policy and of the plans it belongs to; empty if unknown
	policy   *policy
	applied  *application
	alone    bool // the resource's only backup
	siblings int  // further backups of the same type
	resource *resourceStatus
}

// resource adds the jobs of one resource.
func (b *builder) resource(r *resourceStatus) {
	var protections []protection
	for _, p := range r.Policies {
		if strings.HasPrefix(strings.ToLower(p.Type), "policy.backup") {
			protections = append(protections, protection{status: p, kind: strings.ToLower(p.Type), resource: r})
		}
	}
	r.digest()
	if len(protections) == 0 {
		b.byTasks(r)
		return
	}
	for i := range protections {
		for j := range protections {
			if i != j && protections[i].kind == protections[j].kind {
				protections[i].siblings++
			}
		}
		b.oddTimes(&protections[i])
	}
	b.identify(protections)
	owner := b.owner(r)
	for _, group := range grouped(protections) {
		b.add(b.job(group, r.class), owner)
	}
}

// owner finds whose a resource is, and checks its type.
func (b *builder) owner(r *resourceStatus) customer {
	if !r.known {
		b.unknown("resource_type", r.Context.Type)
	}
	owner := b.dir.customer(string(r.Context.TenantID))
	if id := r.Context.TenantID.Lower(); owner.key == id && b.dir.byUUID[id] == nil && !b.known.nameless[id] {
		b.known.nameless[id], b.known.strangers = true, true
	}
	return owner
}

func (b *builder) add(job exporters.Job, owner customer) {
	job.CustomerName = owner.name
	if job.Customer = owner.id; owner.id == "" {
		job.CustomerKey = owner.key
	}
	job.Enabled = job.Enabled && owner.enabled
	b.out.Jobs = append(b.out.Jobs, job)
}

// anyBackup is the kind of backups whose tasks do not tell theirs.
const anyBackup = "policy.backup"

// byTasks adds the jobs of a cloud application whose status names no policy:
// its tasks tell what backs it up.
func (b *builder) byTasks(r *resourceStatus) {
	id := r.key()
	if !cloudApplication(r.Context.Type) || strings.EqualFold(r.Aggregate.Status, "not_protected") || strings.EqualFold(r.Aggregate.Status, "no_policies_applied") {
		return
	}
	for i := range b.known.tasks[id] {
		r := &b.known.tasks[id][i]
		b.known.noteTaskOnly(id, r.kind(), r.plan)
	}
	for _, kind := range slices.Sorted(maps.Keys(b.known.taskOnly[id])) {
		job := exporters.Job{ID: id + "/" + kind, Machine: cmp.Or(r.Context.UserDefinedName, r.Context.Name, id), Class: r.class, Role: b.config.BackupRole,
			Engine: Engine, Plan: b.known.taskOnly[id][kind], ObjectType: r.Context.Type, Enabled: true, ExpectedInterval: b.config.ExpectedInterval.Of(r.class)}
		for i := range b.known.tasks[id] {
			if run := &b.known.tasks[id][i]; run.kind() == kind {
				job.Runs = append(job.Runs, run.Run)
			}
		}
		for _, t := range b.started[id] {
			if backupKind(t.Policy.Type) == kind {
				job.Running, job.RunningSince = true, t.StartedAt.Time
			}
		}
		b.add(job, b.owner(r))
	}
}

func (b *builder) oddTimes(u *protection) {
	s := u.status
	for _, m := range []moment{s.LastRun, s.LastSuccessRun, s.NextRun} {
		if m.bad {
			b.unknown("policy_time", u.resource.Context.ID.Lower()+u.kind)
		}
	}
}

// identify finds out to which policy each status belongs. The statuses name
// only a type; the applications of policies to resources name the policy.
func (b *builder) identify(protections []protection) {
	applied := b.applied[protections[0].resource.Context.ID.Lower()]
	for i := range protections {
		u := &protections[i]
		u.alone = len(protections) == 1
		id := plainID(u.status.PolicyID)
		var candidates []*application
		for j := range applied {
			if strings.EqualFold(applied[j].Policy.Type, u.kind) {
				candidates = append(candidates, applied[j])
			}
		}
		for _, a := range candidates {
			if len(candidates) == 1 && id == "" || plainID(a.Policy.ID) == id {
				u.applied, id = a, plainID(a.Policy.ID)
				break
			}
		}
		if id == "" {
			continue
		}
		u.ids = []string{id}
		if u.policy = b.policies[id]; u.policy != nil {
			for _, parent := range u.policy.ParentIDs {
				u.ids = append(u.ids, plainID(parent))
			}
		}
	}
}

// grouped puts protections that cannot be told apart together: two plans of one
// type on one machine where the product names neither. They become one job
// with the worse state of both, since no one can say whose success it was.
func grouped(protections []protection) [][]protection {
	var out [][]protection
	byKey := map[string]int{}
	for _, u := range protections {
		key := u.kind
		if len(u.ids) > 0 && !u.alone {
			key += "/" + u.ids[0]
		}
		if at, ok := byKey[key]; ok {
			out[at] = append(out[at], u)
			continue
		}
		byKey[key] = len(out)
		out = append(out, []protection{u})
	}
	return out
}

func (b *builder) job(group []protection, class exporters.Class) exporters.Job {
	slices.SortStableFunc(group, func(x, y protection) int { return x.success().Compare(y.success()) })
	u := group[0]
	for _, other := range group[1:] {
		if !other.ok() && u.ok() {
			u = other
		}
	}
	r := u.resource
	id := r.Context.ID.Lower()
	job := exporters.Job{
		ID: id + "/" + u.kind, Machine: cmp.Or(r.Context.UserDefinedName, r.Context.Name, id),
		Class: class, Role: b.config.BackupRole, Engine: Engine, Plan: b.planName(&u), ObjectType: r.Context.Type,
		Enabled: b.enabled(&u), LastSuccess: group[0].success(), NextRun: b.nextRun(&u),
	}
	if u.siblings > 0 && len(group) == 1 && len(u.ids) > 0 {
		job.ID += "/" + u.ids[0]
	}
	job.Running, job.RunningSince = b.isRunning(&u)
	job.Runs = b.runs(&u, job.Running, len(group) == 1)
	job.ExpectedInterval = b.interval(&u, job.LastSuccess, class)
	return job
}

func (u *protection) lastRun() time.Time {
	return u.status.LastRun.time()
}

func (u *protection) success() time.Time {
	return u.status.LastSuccessRun.time()
}

// ok tells whether the last run was a success by its times.
func (u *protection) ok() bool { return !u.success().IsZero() && !u.success().Before(u.lastRun()) }

func (b *builder) planName(u *protection) string {
	if u.policy != nil && u.policy.Name != "" {
		return u.policy.Name
	}
	for _, id := range u.ids {
		if p := b.policies[id]; p != nil && p.Name != "" {
			return p.Name
		}
	}
	if u.applied != nil && u.applied.Policy.Name != "" {
		return u.applied.Policy.Name
	}
	return cmp.Or(u.status.Name, string(u.resource.Aggregate.Names), u.kind)
}

// enabled: a policy counts as switched off only if the product says so, for all
// machines or for this one. Of several that cannot be told apart one that is on counts.
func (b *builder) enabled(u *protection) bool {
	for _, id := range u.ids {
		if p := b.policies[id]; p != nil && p.Enabled.Off() {
			return false
		}
	}
	told, on := false, false
	for _, a := range b.applied[u.resource.Context.ID.Lower()] {
		switch {
		case slices.Contains(u.ids, plainID(a.Policy.ID)):
			if a.off {
				return false
			}
		case len(u.ids) == 0 && strings.EqualFold(a.Policy.Type, u.kind):
			told, on = true, on || !a.off
		}
	}
	return on || !told
}

func (b *builder) nextRun(u *protection) time.Time {
	if b.onDemand(u) {
		return time.Time{}
	}
	next := u.status.NextRun.time()
	if next.IsZero() && u.applied != nil {
		next = u.applied.next()
	}
	return next
}

func (b *builder) schedule(p *policy) schedule {
	s, known := b.planned[p]
	if !known {
		s = scheduleOf(p.Settings)
		b.planned[p] = s
	}
	return s
}

// onDemand: nothing starts a policy whose schedule is switched off but a person.
func (b *builder) onDemand(u *protection) bool { return u.policy != nil && b.schedule(u.policy).off }

func (b *builder) interval(u *protection, lastSuccess time.Time, class exporters.Class) time.Duration {
	if b.onDemand(u) {
		return exporters.OnDemand
	}
	if u.policy != nil {
		if lastSuccess.IsZero() || lastSuccess.After(b.now) {
			lastSuccess = b.now
		}
		if gap := b.schedule(u.policy).gapAfter(lastSuccess, b.location(u.resource)); gap > 0 {
			return gap
		}
	}
	return b.config.ExpectedInterval.Of(class)
}

// location is where a machine's schedule is read.
func (b *builder) location(r *resourceStatus) *time.Location {
	if r.zone != nil {
		return r.zone
	}
	return b.config.location
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

// agentList tells of each machine whether the agent that saves it is
// connected: its own, or that of the host which it runs on.
func (b *builder) agentList() {
	served := map[string][]*resourceStatus{}
	for i := range b.statuses {
		r := &b.statuses[i]
		id := r.Context.AgentID.Lower()
		kind := strings.ToLower(r.Context.Type)
		if id != "" && (kind == "resource.machine" || strings.HasPrefix(kind, "resource.virtual_machine")) {
			served[id] = append(served[id], r)
		}
	}
	for i := range b.agents {
		a := &b.agents[i]
		if !a.Online.Told {
			continue
		}
		own := false // the machine that the agent stands on is a resource
		for _, r := range served[a.key()] {
			own = own || strings.EqualFold(r.Context.Type, "resource.machine")
			b.addAgent(a, cmp.Or(r.Context.UserDefinedName, r.Context.Name, a.Hostname), cmp.Or(r.Context.TenantID, a.Tenant.ID, a.Tenant.UUID))
		}
		if !own {
			b.addAgent(a, a.Hostname, cmp.Or(a.Tenant.ID, a.Tenant.UUID))
		}
	}
}

func (b *builder) addAgent(a *agent, machine string, tenant exporters.Text) {
	if machine == "" {
		return
	}
	owner := b.dir.customer(string(tenant))
	out := exporters.Agent{Customer: owner.id, CustomerName: owner.name, Machine: machine, Online: a.Online.On}
	if owner.id == "" {
		out.CustomerKey = owner.key
	}
	if out.Online {
		out.LastSeen = b.agentsAt
	}
	b.out.Agents = append(b.out.Agents, out)
}

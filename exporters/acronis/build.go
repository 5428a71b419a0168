package acronis

import (
	"cmp"
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

// unknown counts a value once per field and value, over all refreshes.
func (b *builder) unknown(field, value string) {
	key := field + "=" + strings.ToLower(value)
	if b.known.odd[key] || len(b.known.odd) > 1000 {
		return
	}
	b.known.odd[key] = true
	b.out.CountUnknown(field)
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

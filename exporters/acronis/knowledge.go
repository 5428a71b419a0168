package acronis

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

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

// learn keeps the tasks of this refresh and the numbers of tenants. It gives
// the resources of which tasks tell.
func (b *builder) learn() map[string]bool {
	note := func(t tenantRef) {
		id := t.ID.Lower()
		if id == "" {
			return
		}
		old := b.known.numeric[id]
		t.UUID, t.Locator, t.Name = cmp.Or(t.UUID, old.UUID), cmp.Or(t.Locator, old.Locator), cmp.Or(t.Name, old.Name)
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

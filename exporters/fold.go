package exporters

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/fleet"
)

// foldJobs takes in what a reading tells of jobs. After an incremental one that
// brought nothing new and lost nothing it gives the jobs it told of.
func (p *Poller) foldJobs(jobs []Job, now time.Time, incremental, perCustomer bool) []*Job {
	o := foldOptions{now: now, warningIsSuccess: p.o.WarningIsSuccess, unknown: func(field string) { p.unknown[field]++ }}
	reported := p.identify(jobs)
	orphans := map[string]jobKey{}
	if !perCustomer {
		orphans = p.orphans(reported)
	}
	fresh, moved := make([]*Job, 0, len(reported)), false
	for key, job := range reported {
		r := p.records[key]
		if r == nil || r.Missing > 0 {
			moved = true
		}
		if r == nil {
			r = &record{}
			if from, ok := orphans[key.id]; ok {
				// The customer was given another id in the configuration:
				// the job takes its history along.
				r = p.records[from]
				delete(p.records, from)
				r.moved(from.customer, now)
				p.dirty = true
			}
			p.records[key] = r
		}
		p.foldJob(key, r, job, o)
		fresh = append(fresh, r.Job)
	}
	if incremental {
		if moved {
			return nil
		}
		return fresh
	}
	for key, r := range p.records {
		if reported[key] != nil {
			continue
		}
		r.Missing++
		p.dirty = true
		if r.seldom().GoneAt.IsZero() {
			r.setSeldom(func(s *Seldom) { s.GoneAt = now })
		}
		if now.Sub(r.seldom().GoneAt) > forgetAfter {
			delete(p.records, key)
		}
	}
	return nil
}

// foldJob takes in what a reading tells of one job. One of which it tells
// nothing new stays the same for who looks at it.
func (p *Poller) foldJob(key jobKey, r *record, job *Job, o foldOptions) {
	before := *r
	r.fold(*job, o)
	p.dirty = p.dirty || !sameOutcome(&before, r)
	if before.Job != nil && sameJob(before.Job, r.Job) {
		r.Job = before.Job
	}
	if r.Job != before.Job || !sameRecord(&before, r) {
		p.changed[key] = true
	}
}

// identify gives the reported jobs by their final labels.
func (p *Poller) identify(jobs []Job) map[jobKey]*Job {
	out := make(map[jobKey]*Job, len(jobs))
	changing := map[jobKey]bool{} // of machines that are called otherwise at each run
	for i := range jobs {
		job := &jobs[i]
		if job.CustomerKey != "" {
			job.Customer = p.customers.id(job.CustomerKey, job.CustomerName)
		}
		job.Customer, job.ID = CleanName(job.Customer), CleanName(job.ID)
		unstable := p.canonicalJob(job)
		key := jobKey{job.Customer, job.ID}
		if unstable {
			changing[key] = true
		}
		if before := out[key]; before != nil && changing[key] {
			out[key] = joined(before, job)
			continue
		}
		if job.ID == "" || out[key] != nil {
			// Two series with the same labels would make the whole scrape
			// unreadable.
			p.unknown["duplicate_job_id"]++
			continue
		}
		out[key] = job
	}
	return out
}

// joined is one job that its product calls by another name at each run.
func joined(a, b *Job) *Job {
	if newest(b).After(newest(a)) {
		a, b = b, a
	}
	a.Runs = append(slices.Clone(a.Runs), b.Runs...)
	a.LastSuccess = Later(a.LastSuccess, b.LastSuccess)
	a.Enabled = a.Enabled || b.Enabled
	if b.Running && !a.Running {
		a.Running, a.RunningSince = true, b.RunningSince
	}
	return a
}

// newest is when a reading's last run of the job ended.
func newest(j *Job) time.Time {
	last := j.LastSuccess
	for _, r := range j.Runs {
		last = Later(last, r.End)
	}
	return last
}

// canonicalJob gives a job the name and the class that the inventory and the
// configuration have for its machine. A machine whose name is another one at
// each run gives its lasting name to the job's id, too; it tells whether that
// was so.
func (p *Poller) canonicalJob(job *Job) (unstable bool) {
	object, _, _ := strings.Cut(job.ID, "/")
	expected := p.o.Inventory().Canonical(job.Customer, p.o.Name, p.o.Engine, job.ID, object, CleanName(job.Machine), p.machine(job.Machine))
	if raw := CleanName(job.Machine); expected == nil {
		if expected = p.o.Inventory().Unstable(job.Customer, p.o.Name, p.o.Engine, raw); expected != nil {
			job.ID, unstable = lasting(job.ID, raw, expected.Name), true
		}
	}
	job.Machine = p.machine(job.Machine)
	if expected != nil {
		job.Machine, job.Class = expected.Name, expected.Class
		expected.apply(job)
	}
	if class, ok := p.class[fleet.Fold(job.Machine)]; ok {
		job.Class = class
	}
	return unstable
}

// lasting puts the machine's lasting name where a part of the id is the one that
// changes: ids of scripts are often the machine's name, a dash and that of the job.
func lasting(id, raw, name string) string {
	var out strings.Builder
	done := 0
	for _, at := range regexp.MustCompile(`(?i)`+regexp.QuoteMeta(raw)).FindAllStringIndex(id, -1) {
		before, _ := utf8.DecodeLastRuneInString(id[:at[0]])
		behind, _ := utf8.DecodeRuneInString(id[at[1]:])
		if ofWord(before) || ofWord(behind) {
			continue
		}
		out.WriteString(id[done:at[0]] + strings.ToLower(name))
		done = at[1]
	}
	return out.String() + id[done:]
}

func ofWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }

// canonicalAgent is canonicalJob for an agent.
func (p *Poller) canonicalAgent(a *Agent) {
	expected := p.o.Inventory().Canonical(a.Customer, p.o.Name, p.o.Engine, CleanName(a.Machine), p.machine(a.Machine))
	if expected == nil {
		expected = p.o.Inventory().Unstable(a.Customer, p.o.Name, p.o.Engine, CleanName(a.Machine))
	}
	if a.Machine = p.machine(a.Machine); expected != nil {
		a.Machine = expected.Name
	}
}

// mailAddress recognises mailboxes, whose names are addresses. Addresses do
// not belong into labels.
var mailAddress = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)

// machine gives the configured name of a machine, or the product's own.
func (p *Poller) machine(name string) string {
	name = CleanName(name)
	if to, ok := p.alias[fleet.Fold(name)]; ok {
		return to
	}
	if mailAddress.MatchString(name) {
		name, _, _ = strings.Cut(name, "@")
	}
	return name
}

// orphans lists, by job id, the records that are not reported any more and
// have one heir at most: of several nobody can say whose the history is.
func (p *Poller) orphans(reported map[jobKey]*Job) map[string]jobKey {
	heirs := make(map[string]int) // jobs without a record
	for key := range reported {
		if p.records[key] == nil {
			heirs[key.id]++
		}
	}
	out := make(map[string]jobKey)
	if len(heirs) == 0 {
		return out
	}
	left := make(map[string]int) // records without a job
	for key := range p.records {
		if heirs[key.id] > 0 && reported[key] == nil {
			out[key.id] = key
			left[key.id]++
		}
	}
	for id := range out {
		if left[id] > 1 || heirs[id] > 1 {
			delete(out, id)
		}
	}
	return out
}

// sameJob compares all that is told of a job.
func sameJob(a, b *Job) bool {
	return reflect.DeepEqual(a, b)
}

// sameRecord compares what is kept beside the job.
func sameRecord(a, b *record) bool {
	x, y := a.seldom(), b.seldom()
	return a.LastOutcome.Equal(b.LastOutcome) && a.LastID == b.LastID && a.Coarse == b.Coarse && slices.Equal(a.Failed, b.Failed) && slices.Equal(a.Recent, b.Recent) && a.Earlier == b.Earlier && x.Horizon.Equal(y.Horizon) &&
		x.FutureClaim.Equal(y.FutureClaim) && x.RefusedClaim.Equal(y.RefusedClaim) && x.FutureID == y.FutureID && a.Missing == b.Missing && x.GoneAt.Equal(y.GoneAt)
}

// sameOutcome tells whether nothing worth an early write of the state changed.
func sameOutcome(a, b *record) bool {
	return a.Job != nil && a.Job.ID == b.Job.ID && a.LastOutcome.Equal(b.LastOutcome) && a.Job.LastResult == b.Job.LastResult &&
		a.Job.LastSuccess.Equal(b.Job.LastSuccess) && a.Job.Error == b.Job.Error && a.Job.Failures == b.Job.Failures && a.Missing == b.Missing
}

func (p *Poller) foldAgents(agents []Agent, now time.Time) {
	next := make([]Agent, 0, len(agents))
	for _, a := range agents {
		if a.CustomerKey != "" {
			a.Customer = p.customers.id(a.CustomerKey, a.CustomerName)
		}
		a.Customer = CleanName(a.Customer)
		p.canonicalAgent(&a)
		if a.Online && a.LastSeen.IsZero() {
			a.LastSeen = now
		}
		if at, known := slices.BinarySearchFunc(p.agents, a, byMachine); known {
			a.LastSeen = Later(p.agents[at].LastSeen, a.LastSeen)
		}
		next = append(next, a)
	}
	p.agents = asBefore(oneOfEach(next), p.agents)
}

// knowAgents takes up the agents of a state file.
func (p *Poller) knowAgents(agents []Agent) {
	for i := range agents {
		p.canonicalAgent(&agents[i])
	}
	p.agents = oneOfEach(agents)
}

// oneOfEach sorts agents and joins those of one machine. A machine that was set
// up again leaves its old registration behind; it is connected if one of them is.
func oneOfEach(agents []Agent) []Agent {
	slices.SortStableFunc(agents, byMachine)
	out := agents[:0]
	for _, a := range agents {
		if n := len(out) - 1; n >= 0 && byMachine(out[n], a) == 0 {
			out[n].Online, out[n].LastSeen = out[n].Online || a.Online, Later(out[n].LastSeen, a.LastSeen)
			continue
		}
		out = append(out, a)
	}
	return slices.Clip(out)
}

func byMachine(a, b Agent) int {
	return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine))
}

func distinct[T any](items []T, key func(T) string) []T {
	seen := make(map[string]bool, len(items))
	out := make([]T, 0, len(items))
	for _, it := range items {
		if k := key(it); !seen[k] {
			seen[k] = true
			out = append(out, it)
		}
	}
	return out
}

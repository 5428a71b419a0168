package store

import "context"

type patientKey struct{}

// Patient returns a context whose updates let others go first: nobody waits for one
// of them, and there may be thousands, as when the steps of many incidents fall due.
func Patient(ctx context.Context) context.Context {
	return context.WithValue(ctx, patientKey{}, true)
}

func patient(ctx context.Context) bool { return ctx.Value(patientKey{}) != nil }

// besides is how many patient updates share a commit with those that are waited for:
// so many keep them waiting little, and so many get on, however many others come.
const besides = 8

// mix is what a commit holds so far.
type mix struct{ waitedFor, patient int }

func mixOf(jobs ...*job) *mix {
	m := new(mix)
	for _, j := range jobs {
		m.add(j)
	}
	return m
}

func (m *mix) add(j *job) {
	switch {
	case j == nil:
	case j.patient:
		m.patient++
	default:
		m.waitedFor++
	}
}

// next returns the update that joins a commit, patient ones last; nil for none. The last
// places of a commit that others would fill are theirs.
func (s *Store) next(m *mix) *job {
	first, second := s.jobs, s.patient
	switch full := m.patient >= besides; {
	case full && m.waitedFor > 0:
		second = nil
	case !full && m.waitedFor >= maxBatch-besides:
		first, second = second, first
	}
	j := poll(first)
	if j == nil {
		j = poll(second)
	}
	m.add(j)
	return j
}

// poll returns what waits in a queue; nil for nothing.
func poll(queue chan *job) (j *job) {
	select {
	case j = <-queue:
	default:
	}
	return j
}

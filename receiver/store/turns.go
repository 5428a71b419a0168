package store

import "context"

type patientKey struct{}

// Patient returns a context whose updates let others go first: nobody waits for one
// of them, and there may be thousands, as when the steps of many incidents fall due.
func Patient(ctx context.Context) context.Context {
	return context.WithValue(ctx, patientKey{}, true)
}

func patient(ctx context.Context) bool { return ctx.Value(patientKey{}) != nil }

// besides is how many patient updates at the most share a commit with one that is
// waited for: so many keep it waiting little, and so many get on.
const besides = 8

// mix is what a commit holds so far.
type mix struct {
	waitedFor bool
	patient   int
}

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
		m.waitedFor = true
	}
}

// next returns the update that joins a commit, patient ones last; nil for none.
func (s *Store) next(m *mix) (j *job) {
	select {
	case j = <-s.jobs:
	default:
		if m.waitedFor && m.patient >= besides {
			return nil
		}
		select {
		case j = <-s.patient:
		default:
		}
	}
	m.add(j)
	return j
}

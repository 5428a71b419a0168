package store

import "testing"

// However many updates wait that let others go first, what is waited for comes before
// them, and shares its commit with a few of them; alone they fill one.
func TestPatientUpdatesLetOthersGoFirst(t *testing.T) {
	s := &Store{jobs: make(chan *job, maxWaiting), patient: make(chan *job, maxWaiting)}
	for range 3 * besides {
		s.patient <- &job{patient: true}
	}
	s.jobs <- new(job)
	s.jobs <- new(job)
	commit := func() (patient, others int) {
		m := new(mix)
		for j := s.next(m); j != nil; j = s.next(m) {
			if j.patient {
				patient++
			} else if others++; patient > 0 {
				t.Error("it had to wait for a patient one")
			}
		}
		return patient, others
	}
	if patient, others := commit(); others != 2 || patient > besides || patient == 0 {
		t.Errorf("%d that are waited for and %d patient ones share a commit", others, patient)
	}
	if patient, _ := commit(); patient < 2*besides {
		t.Errorf("of patient ones alone %d share a commit", patient)
	}
}

// Where others never cease to come, a commit that they would fill still holds a few
// patient ones: the steps of an incident are not put off for ever.
func TestPatientUpdatesGetOnUnderLoad(t *testing.T) {
	s := &Store{jobs: make(chan *job, maxWaiting), patient: make(chan *job, maxWaiting)}
	for range maxWaiting {
		s.jobs <- new(job)
		s.patient <- &job{patient: true}
	}
	m := new(mix)
	for range maxBatch {
		s.next(m)
	}
	if m.patient != besides || m.waitedFor != maxBatch-besides {
		t.Errorf("a commit holds %d patient ones and %d others", m.patient, m.waitedFor)
	}
}

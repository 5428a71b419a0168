package exporters

import (
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/internal/fleet"
)

// clockTolerance is how far a product's clock may run ahead of ours before
// its instants are no longer believed.
const clockTolerance = 10 * time.Minute

// record is what the poller remembers of one job. It outlives restarts.
type record struct {
	// Job is shown while the next reading is taken in: it is replaced and never
	// changed.
	Job *Job `json:"job"`
	// LastOutcome is the end of the last run, or the instant a miss was
	// noticed; LastID is that run's id.
	LastOutcome time.Time `json:"last_outcome,omitzero"`
	LastID      string    `json:"last_id,omitempty"`
	Coarse      bool      `json:"coarse,omitempty"`
	// Missing counts complete listings in a row without this job; a record
	// is exported while Missing is within the grace.
	Missing int32 `json:"missing,omitempty"`
	older   int32 // the failures before the horizon, while a reading is taken in
	// Recent are the latest instants at which a run ended; of what is older than all
	// of them Earlier is the last success, in unix nanoseconds.
	Recent  recent `json:"recent,omitempty"`
	Earlier int64  `json:"earlier,omitempty"`
	// Failed are failing runs, oldest first, so that one that is told late is
	// counted where it belongs, and once: those since the last success, and those
	// that would be if that turns out to be none. It is complete after the horizon:
	// older failures are a number in Job.Failures only.
	Failed []failedRun `json:"failed,omitempty"`
	*Seldom
}

// Seldom is what few records hold, and a fleet of them need not reserve room for.
// It is replaced and never changed, as Job is.
type Seldom struct {
	// FutureClaim is a last success that lay in the future when it was told.
	FutureClaim time.Time `json:"future_claim,omitzero"`
	// RefusedClaim is a last success that was told of a run which proves nothing.
	RefusedClaim time.Time `json:"refused_claim,omitzero"`
	// FutureID is the last run that lay in the future when it was told.
	FutureID string `json:"future_id,omitempty"`
	// Horizon is the end of the newest failure that is only counted.
	Horizon time.Time `json:"horizon,omitzero"`
	// GoneAt is the first complete listing without the job.
	GoneAt time.Time `json:"gone_at,omitzero"`
}

func (r *record) seldom() Seldom {
	if r.Seldom == nil {
		return Seldom{}
	}
	return *r.Seldom
}

func (r *record) setSeldom(change func(*Seldom)) {
	s := r.seldom()
	change(&s)
	if s == (Seldom{}) {
		r.Seldom = nil
		return
	}
	r.Seldom = &s
}

func (r *record) setHorizon(at time.Time) {
	if !r.seldom().Horizon.Equal(at) {
		r.setSeldom(func(s *Seldom) { s.Horizon = at })
	}
}

// ended takes in an instant at which a run ended, or at which the product says that
// the job succeeded.
func (r *record) ended(at time.Time, good bool) {
	if at.Unix() <= 0 {
		return // the beginning of some calendar, which products write for never
	}
	if !at.Before(r.Recent.oldest()) {
		r.Recent = r.Recent.with(at, good)
		if len(r.Recent) > keptInstants {
			r.Earlier = max(r.Earlier, r.Recent[0])
			r.Recent = r.Recent[1:]
		}
	} else if good && !r.failedAt(at) {
		r.Earlier = max(r.Earlier, at.UnixNano())
	}
	earlier := time.Time{}
	if r.Earlier > 0 {
		earlier = time.Unix(0, r.Earlier)
	}
	r.Job.LastSuccess = Later(earlier, r.Recent.success())
}

type failedRun struct {
	ID  string    `json:"id,omitempty"`
	End time.Time `json:"end"`
}

// keptFailures bounds what is remembered of a job that fails on and on.
const keptFailures = 64

type foldOptions struct {
	now              time.Time
	warningIsSuccess bool
	unknown          func(field string)
}

// fold takes what a source says about a job now and keeps what it no longer
// says: a running job reports no result, and a product forgets old sessions.
func (r *record) fold(job Job, o foldOptions) {
	old := &Job{}
	if r.Job != nil {
		old = r.Job
	}
	runs := job.Runs
	claim := job.LastSuccess
	job.Runs = nil
	job.LastSuccess, job.LastRun, job.LastResult = old.LastSuccess, old.LastRun, old.LastResult
	job.LastDuration, job.LastSize = old.LastDuration, old.LastSize
	job.Failures, job.Error = old.Failures, old.Error
	if job.Moved = old.Moved; job.Moved != nil && o.now.Sub(job.MovedAt) > forgetAfter {
		job.Moved = nil
	}
	r.Job = &job
	if r.Missing = 0; r.Seldom != nil {
		r.setSeldom(func(s *Seldom) { s.GoneAt = time.Time{} })
	}

	if s := job.schedule; s != nil && s.Warning != "" {
		o.warningIsSuccess = s.Warning == fleet.MeansSuccess
	}
	if len(r.Failed) == 0 && old.Failures > 0 && r.seldom().Horizon.IsZero() {
		r.setHorizon(r.LastOutcome) // from a state file that kept the number only
	}
	if len(r.Recent) == 0 && !old.LastSuccess.IsZero() {
		r.ended(old.LastSuccess, true) // from one that kept two successes
	}
	r.older = int32(old.Failures - r.since())
	slices.SortStableFunc(runs, func(a, b Run) int { return a.End.Compare(b.End) })
	for i, run := range runs {
		if run.End.After(o.now.Add(clockTolerance)) && i < len(runs)-1 {
			continue // of several that lie in the future only the last can be as of now
		}
		r.foldRun(run, o)
	}
	r.foldClaim(claim, runs, o)
	r.count()
	job.schedule.apply(&job)
}

// moved notes that the job was known under another customer until now.
func (r *record) moved(from string, now time.Time) {
	job := *r.Job // what is shown is never changed
	job.Moved = &Moved{from, now}
	r.Job = &job
}

func (r *record) foldRun(run Run, o foldOptions) {
	if run.End.IsZero() {
		return
	}
	run = r.weigh(run)
	if run.End.After(o.now.Add(clockTolerance)) {
		if run.ID == "" {
			run.ID = "future:" + run.End.UTC().Format(time.RFC3339Nano)
		}
		if run.ID != r.LastID && run.ID == r.seldom().FutureID {
			return // it was believed once; since then others ran
		}
		if run.ID != r.LastID {
			o.unknown("run_in_future")
		}
		run.End = o.now
		r.setSeldom(func(s *Seldom) { s.FutureID = run.ID })
	}
	if run.ID != "" && r.LastID != "" && run.ID != r.LastID && !r.Coarse && run.End.Equal(r.LastOutcome) && !run.Result.Worse(r.Job.LastResult) {
		return // another run of the same instant says no worse
	}
	same := run.ID != "" && run.ID == r.LastID || run.End.Equal(r.LastOutcome)
	if same {
		r.refine(run, o)
		return
	}
	if !run.End.After(r.LastOutcome) {
		r.foldLate(run, o)
		return
	}
	r.LastOutcome, r.LastID = run.End, run.ID
	r.ended(run.End, good(run, o))
	if run.Result.Failing() {
		r.blame(run)
	}
	if run.Result != Missed {
		// What this run does not tell is not known; that of another is not it.
		r.Job.LastSize, r.Job.LastDuration = Amount{}, 0
	}
	r.setLast(run)
}

// foldLate takes in a run that is told after a later one. It may move the last
// success and the count of failures; the last run stays the last.
func (r *record) foldLate(run Run, o foldOptions) {
	if run.Coarse {
		return // a status listing tells of the last run alone, with times that are not exact
	}
	r.ended(run.End, good(run, o))
	counts := !run.End.Before(r.Job.LastSuccess) || !run.End.Before(r.Recent.oldest())
	if run.Result.Failing() && run.End.After(r.seldom().Horizon) && counts && !r.blamed(run) {
		r.blame(run)
	}
}

// blame remembers a failing run.
func (r *record) blame(run Run) {
	at, _ := slices.BinarySearchFunc(r.Failed, run.End, func(f failedRun, end time.Time) int { return f.End.Compare(end) })
	r.Failed = slices.Insert(r.Failed, at, failedRun{run.ID, run.End})
	if len(r.Failed) > keptFailures {
		if !r.Failed[0].End.Before(r.Job.LastSuccess) {
			r.setHorizon(r.Failed[0].End)
			r.older++
		}
		r.Failed = slices.Delete(r.Failed, 0, 1)
	}
}

// blamed tells whether the run is counted already, by itself or by a status
// listing that knew its beginning only.
func (r *record) blamed(run Run) bool {
	return r.failedAt(run.End) || slices.ContainsFunc(r.Failed, func(f failedRun) bool {
		return run.ID != "" && f.ID == run.ID || f.ID == "" && !run.Start.IsZero() && !f.End.Before(run.Start) && f.End.Before(run.End)
	})
}

// failedAt tells whether a failing run of that instant is remembered.
func (r *record) failedAt(at time.Time) bool {
	return slices.ContainsFunc(r.Failed, func(f failedRun) bool { return f.End.Equal(at) })
}

// unblame takes the run that ended then out of the count, if it is remembered.
func (r *record) unblame(end time.Time) bool {
	at := slices.IndexFunc(r.Failed, func(f failedRun) bool { return f.End.Equal(end) })
	if at < 0 {
		return false
	}
	r.Failed = slices.Delete(r.Failed, at, at+1)
	return true
}

// since is how many of the remembered failures no success made good. One at the very
// instant of it stays: nothing was made good after it.
func (r *record) since() int {
	n := 0
	for _, f := range r.Failed {
		if !f.End.Before(r.Job.LastSuccess) {
			n++
		}
	}
	return n
}

// count tells the failures since the last success, and forgets what no doubt about
// that can bring back.
func (r *record) count() {
	if !r.Job.LastSuccess.Before(r.seldom().Horizon) {
		// Whatever is older than the horizon is older than the success.
		r.older = 0
		r.setHorizon(time.Time{})
	}
	r.Failed = slices.DeleteFunc(r.Failed, func(f failedRun) bool {
		return f.End.Before(r.Job.LastSuccess) && f.End.Before(r.Recent.oldest())
	})
	r.Job.Failures = int(r.older) + r.since()
}

// nothingSaved explains a run that ended well with nothing in its backup.
const nothingSaved = "nothing was saved: the backup holds no files"

// weigh takes the word success from a run that saved nothing: its source was
// empty, such as a folder onto which nothing is mounted; or less than the
// inventory asks for. Where something was saved before that is a warning, which
// proves nothing; otherwise nobody knows that the job ever worked.
func (r *record) weigh(run Run) Run {
	run, run.weak = r.Job.schedule.weigh(run)
	empty := run.Files.IsNone() && (run.Result == Success || run.Result == Warning)
	if !empty && !run.weak {
		return run
	}
	run.Result, run.weak = Warning, true
	if r.Job.LastSuccess.IsZero() {
		run.Result = Failed
	}
	if run.Error == "" {
		run.Error = nothingSaved
	}
	return run
}

// good tells whether a run counts as a success.
func good(run Run, o foldOptions) bool {
	return !run.weak && !run.Files.IsNone() && (run.Result == Success || run.Result == Warning && o.warningIsSuccess)
}

// refine replaces what is known of the last run by a better report of it,
// without counting the run twice.
func (r *record) refine(run Run, o foldOptions) {
	sameKind := run.Result.Failing() == r.Job.LastResult.Failing() && r.Job.LastResult != Unknown
	if run.Coarse && !r.Coarse && sameKind {
		return
	}
	counted := r.Job.LastResult.Failing() && !r.unblame(r.LastOutcome)
	r.Recent = r.Recent.without(r.LastOutcome)
	if run.ID != "" {
		r.LastID = run.ID
	}
	if r.Coarse && !run.Coarse {
		// A status listing may give the start of the run for its end.
		r.LastOutcome = Later(r.LastOutcome, run.End)
	}
	run.End = r.LastOutcome
	r.ended(run.End, good(run, o))
	switch {
	case run.Result.Failing() && !counted:
		r.blame(run)
	case counted && !run.Result.Failing():
		r.older--
	}
	r.setLast(run)
}

func (r *record) setLast(run Run) {
	r.Coarse = run.Coarse
	r.Job.LastResult = run.Result
	r.Job.Error = cleanText(run.Error)
	if run.Result == Missed {
		return // a run that did not happen has no end, duration or size
	}
	r.Job.LastRun = Later(r.Job.LastRun, run.End)
	if !run.Start.IsZero() && !run.End.Before(run.Start) {
		r.Job.LastDuration = run.End.Sub(run.Start)
	}
	r.Job.LastSize = run.Size.Or(r.Job.LastSize)
}

// claimSlack is how far a product's own last success may lie from the run that it
// is: another of its services may have dated it.
const claimSlack = 2 * time.Minute

// foldClaim takes a product's word for the last success, unless it is that of a run
// which failed, or which proves nothing by what the inventory or the configuration asks for.
func (r *record) foldClaim(claim time.Time, runs []Run, o foldOptions) {
	if claim.IsZero() || claim.Equal(r.seldom().RefusedClaim) {
		return
	}
	for _, run := range runs {
		if claim.Equal(run.End) && run.Result.Failing() || run.WentOn(claim, claimSlack) && (run.Result == Success || run.Result == Warning) && !good(r.weigh(run), o) {
			r.setSeldom(func(s *Seldom) { s.RefusedClaim = claim })
			return
		}
	}
	if !claim.After(o.now.Add(clockTolerance)) {
		r.ended(claim, true)
		return
	}
	// A claim in the future is believed once, as of now. Clamping it at each
	// reading would make a dead backup look fresh for ever.
	if !claim.Equal(r.seldom().FutureClaim) {
		o.unknown("success_in_future")
		r.setSeldom(func(s *Seldom) { s.FutureClaim = claim })
		r.ended(o.now, true)
	}
}

// Later is the later of two instants.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// LastSeen is when a job that was known before a start was last heard of; now, if that
// is not known.
func (j *Job) LastSeen(now time.Time) time.Time {
	if seen := Later(j.LastRun, j.LastSuccess); !seen.IsZero() {
		return seen
	}
	return now
}

// maxErrorBytes bounds an error text. Products quote whole traces.
const maxErrorBytes = 4 << 10

// cleanText makes a product's explanation fit to be shown to people.
func cleanText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD"), "\r", "")
	if len(s) <= maxErrorBytes {
		return s
	}
	return clip.Bytes(s, maxErrorBytes) + " " + clip.Mark
}

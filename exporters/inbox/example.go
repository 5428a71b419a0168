package inbox

import (
	"fmt"
	"time"

	"vigie/exporters"
)

// maxExample bounds the mail of an example.
const maxExample = 4 << 20

// example is a mail and what its rule has to read in it.
type example struct {
	Mail string `yaml:"mail"` // file name, beside the rule's file
	// Received is when it arrived, for mails whose date is not enough.
	Received string `yaml:"received"`
	Ignored  bool   `yaml:"ignored"`
	// EndsWhole names the job that the mail ends the failure of as a whole.
	EndsWhole string     `yaml:"ends_whole"`
	Results   []expected `yaml:"results"`
}

// expected are the fields to compare; those left out may be anything.
type expected struct {
	Customer     string          `yaml:"customer"`
	Machine      string          `yaml:"machine"`
	MachineClass exporters.Class `yaml:"machine_class"`
	BackupRole   exporters.Role  `yaml:"backup_role"`
	Plan         string          `yaml:"plan"`
	ObjectType   string          `yaml:"object_type"`
	Result       string          `yaml:"result"`
	Started      string          `yaml:"started"`
	Ended        string          `yaml:"ended"`
	Size         *int64          `yaml:"size_bytes"`
	Error        string          `yaml:"error"`
}

// try holds a rule against its examples, with all rules in force.
func (rs *Rules) try(r *rule) error {
	if len(r.Examples) == 0 {
		return r.bad("examples", "none", "add a mail that the rule reads, as {mail: file.eml, results: [{machine: SRV-AD, result: success}]}")
	}
	for i := range r.Examples {
		if what, cure := rs.tryOne(r, &r.Examples[i]); what != "" {
			return r.bad("examples", fmt.Sprintf("example %d (%s): %s", i+1, r.Examples[i].Mail, what), cure)
		}
	}
	return nil
}

func (rs *Rules) tryOne(r *rule, e *example) (what, cure string) {
	const mend = "mend the pattern, or what the example expects"
	raw, err := readBounded(r.beside(e.Mail), maxExample)
	if e.Mail == "" || err != nil {
		return fmt.Sprintf("no mail to read: %v", err), "name the file of a mail beside this one"
	}
	if e.Ignored != r.Ignore || e.Ignored == (len(e.Results) > 0) {
		return "it expects what the rule does not give", "write results for a rule that reads, and ignored: true for one that ignores"
	}
	m, err := ReadMail(raw)
	if err != nil {
		return "the mail cannot be read: " + err.Error(), "save it again as a whole"
	}
	received := m.Date
	if e.Received != "" {
		if received, err = time.Parse(time.RFC3339, e.Received); err != nil {
			return "received is no instant", "write for example 2026-03-10T07:00:00+01:00"
		}
	}
	if received.IsZero() {
		return "the mail has no date", "add received, such as 2026-03-10T07:00:00+01:00"
	}
	v := rs.Read(&m, received)
	var ended string
	if n := len(v.Readings); n > 0 && v.Readings[n-1].Whole {
		ended, v.Readings = v.Readings[n-1].Report.JobID, v.Readings[:n-1]
	}
	switch {
	case v.Problem != "":
		return v.Problem, mend
	case v.Rule == "":
		return "it is ignored as " + string(v.Ignore), "take a report that a product sent, not an answer to one"
	case v.Rule != r.Name:
		return "it is read by rule " + v.Rule, "make one of the two narrower, or exchange them"
	case e.EndsWhole != "" && e.EndsWhole != ended:
		return fmt.Sprintf("it ends the failure of the job %q as a whole, not of %q", ended, e.EndsWhole), mend
	case len(v.Readings) != len(e.Results):
		return fmt.Sprintf("%d results instead of %d", len(v.Readings), len(e.Results)), mend
	}
	for i := range v.Readings {
		if e.Results[i].Machine == "" || e.Results[i].Result == "" {
			return fmt.Sprintf("result %d expects no machine or no result", i+1), "write both"
		}
		report := v.Readings[i].Report
		report.RunID = "example"
		if err := report.Check(); err != nil {
			return fmt.Sprintf("result %d: %v", i+1, err), mend
		}
		if diff := e.Results[i].differs(&v.Readings[i]); diff != "" {
			return fmt.Sprintf("result %d: %s", i+1, diff), mend
		}
	}
	return "", ""
}

// tryPairs holds the examples of a rule against each other: what they expect
// of one machine, and of one plan if they name it, is one job, whatever the
// result.
func (rs *Rules) tryPairs(r *rule) error {
	type thing struct{ customer, machine, plan string }
	jobs := map[thing]string{}
	for i := range r.Examples {
		e := &r.Examples[i]
		raw, err := readBounded(r.beside(e.Mail), maxExample)
		if err != nil {
			return r.bad("examples", err.Error(), "name the file of a mail beside this one")
		}
		m, _ := ReadMail(raw) // read before
		for k, reading := range rs.Read(&m, m.Date).Readings {
			if k >= len(e.Results) {
				break
			}
			x := e.Results[k]
			key := thing{x.Customer, wordKey(x.Machine), wordKey(x.Plan)}
			if before, known := jobs[key]; known && before != reading.Report.JobID {
				return r.bad("examples", fmt.Sprintf("example %d (%s): machine %s is job %s here and job %s before: a failure and the success after it would be two jobs", i+1, e.Mail, x.Machine, reading.Report.JobID, before),
					"capture only what stays the same from run to run, cut the rest out with drop, or expect the plan of each")
			}
			jobs[key] = reading.Report.JobID
		}
	}
	return nil
}

// differs compares the fields that are given.
func (x *expected) differs(got *Reading) string {
	r := &got.Report
	for _, f := range []struct{ key, want, have string }{
		{"customer", x.Customer, got.Customer}, {"machine", x.Machine, r.Machine}, {"machine_class", string(x.MachineClass), string(r.MachineClass)},
		{"backup_role", string(x.BackupRole), string(r.BackupRole)}, {"plan", x.Plan, r.Plan}, {"object_type", x.ObjectType, r.ObjectType},
		{"result", x.Result, r.Result}, {"error", x.Error, r.Error},
	} {
		if f.want != "" && f.want != f.have {
			return fmt.Sprintf("%s is %q, not %q", f.key, f.have, f.want)
		}
	}
	if have, told := r.Size.Get(); x.Size != nil && (!told || *x.Size != have) {
		return fmt.Sprintf("size_bytes is %d, not %d", have, *x.Size)
	}
	for _, f := range []struct {
		key, want string
		have      exporters.Instant
	}{{"started", x.Started, r.Started}, {"ended", x.Ended, r.Ended}} {
		if f.want == "" {
			continue
		}
		want, err := time.Parse(time.RFC3339, f.want)
		if err != nil {
			return f.key + " in the example is no instant such as 2026-03-09T22:12:30+01:00"
		}
		if !want.Equal(f.have.Time) {
			return fmt.Sprintf("%s is %s, not %s", f.key, f.have.Time.In(want.Location()).Format(time.RFC3339), f.want)
		}
	}
	return ""
}

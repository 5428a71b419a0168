package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

func (d acting) actMerge(a incident.Act) {
	d.intake().end(model.Closed, "merged into "+a.Fields["into"])
}

func (d acting) actRestore(a incident.Act) { d.works(a) }

func (d acting) actRestoreVerified(incident.Act) {
	if !d.Happened("act:restore") {
		d.refuse(409, "no restore was begun")
	}
}

func (d acting) actResolve(a incident.Act) {
	if d.Scenario.Proof == policy.ProofSuccess && !d.proven() {
		d.refuse(409, "no success newer than the failure is proven, and only that resolves this: start a backup, or close it with a reason")
		return
	}
	cause := a.Fields["cause"]
	if d.Scenario.Resolve.Cause && cause == "" {
		d.refuseField("cause", 422, "cause is missing: name one, or unknown")
		return
	}
	if d.Scenario.Resolve.Cause && !d.causeKnown(cause) {
		return
	}
	if d.dataLost(a, cause); d.out.Refusal != nil {
		return
	}
	if d.AnyFiring() && a.Fields["note"] == "" {
		d.refuseField("note", 409, "the signal still fires: add a note that says why it is solved all the same")
		return
	}
	if cause != "" {
		d.Incident.Cause = cause
	}
	d.works(a)
	if d.Happened("act:restore") && d.FirstLacking([]string{"restore_verified"}) != "" {
		d.raise("act:restore_verified", d.Now) // who resolves it says what became of the data
	}
	d.intake().end(model.Resolved, "resolved by "+a.By)
}

// noLoss is how people say that no data was lost.
var noLoss = []string{
	"none", "nothing", "no loss", "no data loss", "no data lost", "no data was lost", "nothing lost", "nothing was lost",
	"aucune", "rien", "aucune perte", "aucune perte de données", "aucune donnée perdue", "aucune donnée n'a été perdue", "aucune donnée n’a été perdue",
	"pas de perte", "pas de perte de données", "rien de perdu", "rien n'a été perdu", "rien n’a été perdu",
}

// dataLoss is the answer about lost data: none in any of its words, nothing where it
// is not known yet, or what was lost.
func dataLoss(text string) string {
	text = strings.TrimSpace(text)
	bare := strings.ToLower(strings.Trim(text, " .!"))
	share := strings.Replace(strings.TrimRight(bare, " \u00a0\u202f%"), ",", ".", 1)
	if n, err := strconv.ParseFloat(share, 64); err == nil && n == 0 {
		return "none"
	}
	switch {
	case no(bare), slices.Contains(noLoss, bare):
		return "none"
	case slices.Contains([]string{"unknown", "not known", "no idea", "don't know", "inconnue", "inconnu", "aucune idée", "je ne sais pas", "?"}, bare):
		return ""
	}
	return text
}

// proven reports whether a success is proven for every plan that failed.
func (d acting) proven() bool {
	for _, a := range d.Incident.Alerts {
		if a.Firing || !a.Proven {
			return false
		}
	}
	return len(d.Incident.Alerts) > 0
}

// dataLost takes in what a person says of lost data, and refuses to end without that
// what may have lost some. What was said before stays.
func (d acting) dataLost(a incident.Act, cause string) {
	loss := dataLoss(a.Fields["data_loss"])
	if loss == "" {
		if d.Incident.DataLoss == "" && d.IntegrityOwed(cause) {
			d.refuseField("data_loss", 422, "data_loss is missing: none, or some with what was lost")
		}
		return
	}
	d.Incident.DataLoss, a.Fields["data_loss"] = loss, loss
	if loss != "none" {
		d.out.Breaches = append(d.out.Breaches, incident.Breach{Target: "integrity", Due: d.Now})
		d.note("breach", "integrity", a.By, "data was lost: "+loss)
	}
}

func (d acting) actClose(a incident.Act) {
	if d.dataLost(a, d.Incident.Cause); d.out.Refusal != nil {
		return
	}
	d.Incident.Progress.Reason = a.Fields["reason"]
	d.intake().end(model.Closed, a.Fields["reason"])
}

func (d acting) actReopen(a incident.Act) {
	if d.Incident.State == model.Unverified {
		d.back(a.By + " says that it still fails")
		return
	}
	if !d.Incident.State.Ended() {
		d.refuse(409, "the incident is not ended")
		return
	}
	d.Incident.Progress.Decommissioned = time.Time{}
	d.intake().reopen(model.Signal{Labels: model.Labels{}, By: a.By}, d.Now, "reopened by "+a.By)
}

func (d acting) actDecommission(a incident.Act) {
	d.Incident.Progress.Decommissioned = d.Now.Truncate(time.Second)
	if !d.Incident.State.Ended() {
		d.Incident.Progress.Reason = a.Fields["reason"]
		d.intake().end(model.Closed, "decommissioned by "+a.By)
	}
}

func (d acting) actRebase(a incident.Act) {
	p := d.Book.InForce(d.Now)
	s := p.Scenario(d.Incident.Scenario)
	if s == nil {
		d.refuse(409, "the policy in force has no scenario {quoted}", "quoted", d.Incident.Scenario)
		return
	}
	d.note("act", "rebase", a.By, "from policy "+d.Incident.Policy+" to "+p.Hash)
	d.Rebase(p, s)
}

func (d acting) actWaive(a incident.Act) {
	if a.Fields["to"] == "" || a.Fields["reason"] == "" {
		d.refuseField("to", 422, "to and reason are missing: whose address, and why the trace is complete without it")
		return
	}
	for _, key := range d.Incident.Steps.Sorted() {
		r := d.Incident.Steps[key]
		for i, p := range r.Refused {
			if !strings.EqualFold(p.Address, a.Fields["to"]) && p.Person != a.Fields["to"] {
				continue
			}
			if p.Cc {
				d.refuseField("to", 409, "a copy is never waived: give role {role} another address", "role", p.Role)
				return
			}
			r.Refused = slices.Delete(slices.Clone(r.Refused), i, i+1)
			if r.Complete() && r.Status == incident.StepDecided {
				d.post().accept(r)
			}
			return
		}
	}
	d.refuseField("to", 404, "no refused address {quoted}", "quoted", a.Fields["to"])
}

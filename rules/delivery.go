package rules

import (
	"slices"
	"strings"

	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// post takes in what became of messages.
type post struct{ *decider }

func (d *decider) post() post { return post{d} }

// delivered takes in what became of a message. A step is done only once every
// To and Cc was accepted; a refused address is told, never passed over (rule W).
func (d post) delivered(e incident.Delivered) {
	r := d.recordOf(e.NotificationID)
	if r == nil {
		return
	}
	if e.MessageID != "" {
		r.MessageID = e.MessageID
	}
	for _, a := range e.Accepted {
		d.accepted(r, a)
	}
	for _, a := range e.Refused {
		d.refusedAddress(r, a, e)
	}
	for _, a := range e.Deferred {
		d.deferred(r, a, e)
	}
	if r.Status == incident.StepDecided && r.Complete() {
		d.accept(r)
	}
}

func (d post) recordOf(notification string) *incident.StepRecord {
	for _, r := range d.Incident.Steps {
		if r.NotificationID == notification || slices.Contains(r.Resent, notification) {
			return r
		}
	}
	return nil
}

func (d post) accepted(r *incident.StepRecord, address string) {
	from, i := r.Unaccepted(address)
	if i < 0 {
		return
	}
	p := (*from)[i]
	*from = slices.Delete(slices.Clone(*from), i, i+1)
	r.Accepted = append(slices.Clone(r.Accepted), p.Address)
	r.Deferred = without(r.Deferred, p.Address)
	if r.Episode == d.Incident.Episode {
		p.Step = r.Step
		d.Incident.Told = append(d.Incident.Told, p)
	}
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "message", What: "accepted " + r.Step,
		Reason: "accepted by the " + acceptor(p) + " as <" + r.MessageID + "> for role " + p.Role, Personal: p.Address})
}

// acceptor names who took responsibility for a party's message.
func acceptor(p incident.Party) string {
	if channel, _ := inventory.SplitAddress(p.Address); channel != "" {
		return "channel " + channel
	}
	return "mail server"
}

func (d post) refusedAddress(r *incident.StepRecord, address string, e incident.Delivered) {
	i := slices.IndexFunc(r.Pending, func(p incident.Party) bool { return strings.EqualFold(p.Address, address) })
	if i < 0 {
		return
	}
	p := r.Pending[i]
	r.Pending = slices.Delete(slices.Clone(r.Pending), i, i+1)
	r.Refused = append(slices.Clone(r.Refused), p)
	r.Deferred = without(r.Deferred, p.Address)
	why := map[string]string{
		incident.RefusedAddress: "the address of role " + p.Role + " was refused for good: ",
		incident.RefusedMessage: "the message to role " + p.Role + " was refused, not the address, and is not tried any more: ",
		incident.RefusedTrouble: "the mail server of role " + p.Role + " did not take the message, and it is not tried any more: ",
	}[e.What]
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "message", What: "refused " + r.Step, Reason: why + e.Detail, Personal: p.Address})
	d.tellOfRefusal(r, p, e.What)
}

// deferred takes in that the message itself is refused: nothing is wrong with the
// address, and it is tried again. It is told once for each message and address.
func (d post) deferred(r *incident.StepRecord, address string, e incident.Delivered) {
	i := slices.IndexFunc(r.Pending, func(p incident.Party) bool { return strings.EqualFold(p.Address, address) })
	if i < 0 || slices.Contains(r.Deferred, r.Pending[i].Address) {
		return
	}
	p := r.Pending[i]
	r.Deferred = append(slices.Clone(r.Deferred), p.Address)
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "message", What: "held " + r.Step,
		Reason: "the mail server of role " + p.Role + " refuses this message, not the address; it is tried again: " + e.Detail, Personal: p.Address})
	d.tellOfRefusal(r, p, e.What)
}

func without(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == word })
}

// tellOfRefusal lets those who mend it know.
func (d post) tellOfRefusal(r *incident.StepRecord, p incident.Party, what string) {
	d.Incident.Progress.RefusedAddress = p.Address
	d.Incident.Progress.RefusedRole = p.Role
	d.Incident.Progress.RefusedWhat = what
	// News of a refused address that is itself refused would go round for ever.
	if st := d.Step(r.Step); st != nil && st.TellsOfRefusal() {
		return
	}
	seen, one := d.Incident.Progress.RefusedSeen, strings.ToLower(p.Address)
	if what != incident.RefusedAddress {
		one = what + ":" + one
	}
	if !slices.Contains(seen, one) {
		d.Incident.Progress.RefusedSeen = append(slices.Clip(seen), one)
		d.raise("address_refused", d.Now)
	}
}

// lateWord tells the end to somebody whose mail was accepted only after it:
// his last word must not be that it still fails.
func (d post) lateWord(r *incident.StepRecord, p incident.Party) {
	if !d.Incident.State.Ended() || p.Cc {
		return
	}
	own := d.Step(r.Step)
	if own == nil || slices.ContainsFunc(own.When, situation.EndsOn) {
		return
	}
	for _, st := range d.Scenario.Steps {
		i := slices.IndexFunc(st.When, situation.EndsOn)
		if i < 0 || st.Per != "" || d.Incident.Steps[d.Schedule().Key(st, "", situation.Firing{})] == nil {
			continue
		}
		f := situation.Firing{At: d.Now, Trigger: i, Occurrence: "late:" + p.Address, Why: "told of the failure only after its end"}
		key := d.Schedule().Key(st, "", f)
		if d.Incident.Steps[key] != nil || d.toldBy(st, p) {
			continue
		}
		if role := d.Policy.Roles[st.To[0]]; role != nil && role.Outside && !p.Outside {
			continue
		}
		to := p
		to.Role = st.To[0]
		_, cc, _ := d.Contacts().Recipients(st, st.To, st.Cc, "")
		d.rungs().tell(st, st.Template, []incident.Party{to}, cc, "", key, f)
	}
}

// toldBy reports whether the step tells, or has told, that person.
func (d post) toldBy(st *policy.Step, p incident.Party) bool {
	same := func(q incident.Party) bool { return strings.EqualFold(q.Address, p.Address) }
	for _, r := range d.Incident.Steps {
		if r.Step == st.Name && r.Episode == d.Incident.Episode && slices.ContainsFunc(r.Pending, same) {
			return true
		}
	}
	return slices.ContainsFunc(d.Incident.Told, func(q incident.Party) bool { return q.Step == st.Name && same(q) })
}

// accept makes a step done: raises its flags, moves the state.
func (d post) accept(r *incident.StepRecord) {
	r.Status, r.At = incident.StepAccepted, d.Now
	st := d.Step(r.Step)
	if st == nil || r.Episode != d.Incident.Episode {
		return
	}
	d.raise("step:"+st.Name, d.Now)
	if d.Incident.State.Ended() {
		for _, p := range slices.Clone(d.Incident.Told) {
			if p.Step == r.Step {
				d.lateWord(r, p)
			}
		}
		return
	}
	for _, f := range st.Raises {
		d.flag(f, true, "told in writing by step "+st.Name)
	}
	if st.State != "" && st.Task == "" {
		d.afterStep(st)
	}
}

// afterStep moves the state once the message of a step was accepted. After a
// phone call it waits for the agreed date, or for the next try; a pause that
// somebody began since then is ended by nothing that was agreed before.
func (d post) afterStep(st *policy.Step) {
	if st.State == model.Waiting && !d.isPaused() {
		if at := d.Incident.Progress.FollowUp; !at.IsZero() {
			d.Incident.Until = at
		}
	}
	d.state(st.State, "step "+st.Name+" was accepted by every recipient")
}

// refreshed looks again at what the inventory changed: an address that was
// refused and is another one now is written to again, alone.
func (d post) refreshed() {
	undelivered := func(r *incident.StepRecord) bool {
		return r.Status == incident.StepDecided && r.Episode == d.Incident.Episode
	}
	for _, key := range d.Incident.Steps.Which(undelivered) {
		r := d.Incident.Steps[key]
		st := d.Step(r.Step)
		if st == nil {
			continue
		}
		for _, p := range slices.Clone(r.Refused) {
			d.resend(st, r, p)
		}
		d.fill(st, r)
	}
}

// fill sends a trace to whoever fills a role by now that nobody filled when it
// left.
func (d post) fill(st *policy.Step, r *incident.StepRecord) {
	defer d.ReachBy(st.Channel)()
	var still []string
	for _, role := range r.Unfilled {
		ps := d.Contacts().Resolve(role, "", d.Now)
		if len(ps) == 0 {
			still = append(still, role)
			continue
		}
		for _, p := range ps {
			if r.Addresses(p.Address) {
				continue
			}
			p.Cc = slices.Contains(st.Cc, role)
			r.Pending = append(slices.Clone(r.Pending), p)
			var cc []incident.Party // what goes to a customer has its copies
			if !p.Cc {
				_, cc, _ = d.Contacts().Recipients(st, st.To, st.Cc, "")
			}
			n := d.Messages().Notification(st, st.Template, []incident.Party{p}, cc, "", "role "+role+" was empty when it left")
			n.ID = r.NotificationID + "/again:" + p.Address
			n.Solo = true
			r.Resent = append(slices.Clone(r.Resent), n.ID)
			d.out.Notifications = append(d.out.Notifications, n)
			d.note("step", st.Name, "", "sent to role "+role+", which was empty when it left")
		}
	}
	if len(still) == len(r.Unfilled) {
		return
	}
	if r.Unfilled = still; r.Complete() {
		d.accept(r)
	}
}

func (d post) resend(st *policy.Step, r *incident.StepRecord, refused incident.Party) {
	defer d.ReachBy(st.Channel)()
	var live []incident.Party
	if refused.Person != "" && refused.Person != refused.Address {
		live = d.Contacts().People(refused.Role, []string{refused.Person})
	}
	if len(live) == 0 || strings.EqualFold(live[0].Address, refused.Address) {
		live = d.Contacts().Resolve(refused.Role, "", d.Now)
	}
	for _, p := range live {
		if strings.EqualFold(p.Address, refused.Address) || r.Addresses(p.Address) {
			continue
		}
		p.Cc = refused.Cc
		r.Refused = slices.DeleteFunc(slices.Clone(r.Refused), func(x incident.Party) bool { return x.Address == refused.Address })
		r.Pending = append(slices.Clone(r.Pending), p)
		n := d.Messages().Notification(st, st.Template, []incident.Party{p}, nil, "", "the address of role "+p.Role+" has changed since it was refused")
		n.ID = r.NotificationID + "/again:" + p.Address
		n.Solo = true
		r.Resent = append(slices.Clone(r.Resent), n.ID)
		d.out.Notifications = append(d.out.Notifications, n)
		d.note("step", st.Name, "", "sent again to the changed address of role "+p.Role)
		return
	}
}

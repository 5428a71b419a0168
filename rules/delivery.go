package rules

import (
	"slices"
	"strings"
)

// post takes in what became of messages.
type post struct{ *decider }

func (d *decider) post() post { return post{d} }

// delivered takes in what became of a message. A step is done only once every
// To and Cc was accepted; a refused address is told, never passed over (rule W).
func (d post) delivered(e Delivered) {
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
	for _, a := range e.Held {
		d.held(r, a, e)
	}
	if r.Status == StepDecided && r.complete() {
		d.accept(r)
	}
}

// complete reports whether nobody is left who must have the message.
func (r *StepRecord) complete() bool {
	return len(r.Pending) == 0 && len(r.Refused) == 0 && len(r.Unfilled) == 0
}

func (d post) recordOf(notification string) *StepRecord {
	for _, r := range d.inc.Steps {
		if r.NotificationID == notification || slices.Contains(r.Resent, notification) {
			return r
		}
	}
	return nil
}

func (d post) accepted(r *StepRecord, address string) {
	from, i := r.open(address)
	if i < 0 {
		return
	}
	p := (*from)[i]
	*from = slices.Delete(slices.Clone(*from), i, i+1)
	r.Accepted = append(slices.Clone(r.Accepted), p.Address)
	r.Held = without(r.Held, p.Address)
	if r.Episode == d.inc.Episode {
		p.Step = r.Step
		d.inc.Told = append(d.inc.Told, p)
	}
	d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: "message", What: "accepted " + r.Step,
		Reason: "accepted by the " + acceptor(p) + " as <" + r.MessageID + "> for role " + p.Role, Personal: p.Address})
}

// open finds the list, and the place in it, of whoever has not accepted yet; -1
// for nobody. One who was refused may accept when somebody sends it again.
func (r *StepRecord) open(address string) (list *[]Party, i int) {
	same := func(p Party) bool { return strings.EqualFold(p.Address, address) }
	if i = slices.IndexFunc(r.Pending, same); i >= 0 {
		return &r.Pending, i
	}
	return &r.Refused, slices.IndexFunc(r.Refused, same)
}

// acceptor names who took responsibility for a party's message.
func acceptor(p Party) string {
	if channel, _ := SplitAddress(p.Address); channel != "" {
		return "channel " + channel
	}
	return "mail server"
}

func (d post) refusedAddress(r *StepRecord, address string, e Delivered) {
	i := slices.IndexFunc(r.Pending, func(p Party) bool { return strings.EqualFold(p.Address, address) })
	if i < 0 {
		return
	}
	p := r.Pending[i]
	r.Pending = slices.Delete(slices.Clone(r.Pending), i, i+1)
	r.Refused = append(slices.Clone(r.Refused), p)
	r.Held = without(r.Held, p.Address)
	why := map[string]string{
		RefusedAddress: "the address of role " + p.Role + " was refused for good: ",
		RefusedMessage: "the message to role " + p.Role + " was refused, not the address, and is not tried any more: ",
		RefusedTrouble: "the mail server of role " + p.Role + " did not take the message, and it is not tried any more: ",
	}[e.What]
	d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: "message", What: "refused " + r.Step, Reason: why + e.Detail, Personal: p.Address})
	d.tellOfRefusal(r, p, e.What)
}

// held takes in that the message itself is refused: nothing is wrong with the
// address, and it is tried again. It is told once for each message and address.
func (d post) held(r *StepRecord, address string, e Delivered) {
	i := slices.IndexFunc(r.Pending, func(p Party) bool { return strings.EqualFold(p.Address, address) })
	if i < 0 || slices.Contains(r.Held, r.Pending[i].Address) {
		return
	}
	p := r.Pending[i]
	r.Held = append(slices.Clone(r.Held), p.Address)
	d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: "message", What: "held " + r.Step,
		Reason: "the mail server of role " + p.Role + " refuses this message, not the address; it is tried again: " + e.Detail, Personal: p.Address})
	d.tellOfRefusal(r, p, e.What)
}

func without(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == word })
}

// tellOfRefusal lets those who mend it know.
func (d post) tellOfRefusal(r *StepRecord, p Party, what string) {
	d.inc.Progress.RefusedAddress = p.Address
	d.inc.Progress.RefusedRole = p.Role
	d.inc.Progress.RefusedWhat = what
	// News of a refused address that is itself refused would go round for ever.
	if st := d.step(r.Step); st != nil && st.TellsOfRefusal() {
		return
	}
	seen, one := d.inc.Progress.RefusedSeen, strings.ToLower(p.Address)
	if what != RefusedAddress {
		one = what + ":" + one
	}
	if !slices.Contains(seen, one) {
		d.inc.Progress.RefusedSeen = append(slices.Clip(seen), one)
		d.raise("address_refused", d.now)
	}
}

// lateWord tells the end to somebody whose mail was accepted only after it:
// his last word must not be that it still fails.
func (d post) lateWord(r *StepRecord, p Party) {
	if !d.inc.State.Ended() || p.Cc {
		return
	}
	own := d.step(r.Step)
	if own == nil || slices.ContainsFunc(own.When, endsOn) {
		return
	}
	for _, st := range d.s.Steps {
		i := slices.IndexFunc(st.When, endsOn)
		if i < 0 || st.Per != "" || d.inc.Steps[d.schedule().key(st, "", firing{})] == nil {
			continue
		}
		f := firing{at: d.now, trigger: i, occurrence: "late:" + p.Address, why: "told of the failure only after its end"}
		key := d.schedule().key(st, "", f)
		if d.inc.Steps[key] != nil || d.toldBy(st, p) {
			continue
		}
		if role := d.p.Roles[st.To[0]]; role != nil && role.Outside && !p.Outside {
			continue
		}
		to := p
		to.Role = st.To[0]
		_, cc, _ := d.contacts().recipients(st, st.To, st.Cc, "")
		d.rungs().tell(st, st.Template, []Party{to}, cc, "", key, f)
	}
}

// toldBy reports whether the step tells, or has told, that person.
func (d post) toldBy(st *Step, p Party) bool {
	same := func(q Party) bool { return strings.EqualFold(q.Address, p.Address) }
	for _, r := range d.inc.Steps {
		if r.Step == st.Name && r.Episode == d.inc.Episode && slices.ContainsFunc(r.Pending, same) {
			return true
		}
	}
	return slices.ContainsFunc(d.inc.Told, func(q Party) bool { return q.Step == st.Name && same(q) })
}

// accept makes a step done: raises its flags, moves the state.
func (d post) accept(r *StepRecord) {
	r.Status, r.At = StepAccepted, d.now
	st := d.step(r.Step)
	if st == nil || r.Episode != d.inc.Episode {
		return
	}
	d.raise("step:"+st.Name, d.now)
	if d.inc.State.Ended() {
		for _, p := range slices.Clone(d.inc.Told) {
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
// phone call it waits for the agreed date, or for the next try.
func (d post) afterStep(st *Step) {
	if st.State == Waiting {
		if at := d.inc.Progress.FollowUp; !at.IsZero() {
			d.inc.Until = at
		}
	}
	d.state(st.State, "step "+st.Name+" was accepted by every recipient")
}

func (d *decider) step(name string) *Step {
	for _, st := range d.s.Steps {
		if st.Name == name {
			return st
		}
	}
	return nil
}

// refreshed looks again at what the inventory changed: an address that was
// refused and is another one now is written to again, alone.
func (d post) refreshed() {
	for _, key := range d.inc.Steps.sorted() {
		r := d.inc.Steps[key]
		if r.Status != StepDecided || r.Episode != d.inc.Episode {
			continue
		}
		st := d.step(r.Step)
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
func (d post) fill(st *Step, r *StepRecord) {
	defer d.reachBy(st.Channel)()
	var still []string
	for _, role := range r.Unfilled {
		ps := d.contacts().resolve(role, "", d.now)
		if len(ps) == 0 {
			still = append(still, role)
			continue
		}
		for _, p := range ps {
			if r.addresses(p.Address) {
				continue
			}
			p.Cc = slices.Contains(st.Cc, role)
			r.Pending = append(slices.Clone(r.Pending), p)
			var cc []Party // what goes to a customer has its copies
			if !p.Cc {
				_, cc, _ = d.contacts().recipients(st, st.To, st.Cc, "")
			}
			n := d.telling().notification(st, st.Template, []Party{p}, cc, "", "role "+role+" was empty when it left")
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
	if r.Unfilled = still; r.complete() {
		d.accept(r)
	}
}

// addresses reports whether the step's message went, or goes, to an address.
func (r *StepRecord) addresses(address string) bool {
	same := func(p Party) bool { return strings.EqualFold(p.Address, address) }
	return slices.ContainsFunc(r.Pending, same) || slices.ContainsFunc(r.Refused, same) ||
		slices.ContainsFunc(r.Accepted, func(a string) bool { return strings.EqualFold(a, address) })
}

func (d post) resend(st *Step, r *StepRecord, refused Party) {
	defer d.reachBy(st.Channel)()
	var live []Party
	if refused.Person != "" && refused.Person != refused.Address {
		live = d.contacts().people(refused.Role, []string{refused.Person})
	}
	if len(live) == 0 || strings.EqualFold(live[0].Address, refused.Address) {
		live = d.contacts().resolve(refused.Role, "", d.now)
	}
	for _, p := range live {
		if strings.EqualFold(p.Address, refused.Address) || r.addresses(p.Address) {
			continue
		}
		p.Cc = refused.Cc
		r.Refused = slices.DeleteFunc(slices.Clone(r.Refused), func(x Party) bool { return x.Address == refused.Address })
		r.Pending = append(slices.Clone(r.Pending), p)
		n := d.telling().notification(st, st.Template, []Party{p}, nil, "", "the address of role "+p.Role+" has changed since it was refused")
		n.ID = r.NotificationID + "/again:" + p.Address
		n.Solo = true
		r.Resent = append(slices.Clone(r.Resent), n.ID)
		d.out.Notifications = append(d.out.Notifications, n)
		d.note("step", st.Name, "", "sent again to the changed address of role "+p.Role)
		return
	}
}

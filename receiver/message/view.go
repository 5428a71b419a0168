package message

import (
	"slices"
	"strings"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// view is what a template sees: one notification, or several of one bundle. Its
// exported methods, and those of the first item, are the templates' words; each
// returns "" when its fact is not known, so that a sentence can leave it out.
type view struct {
	*item
	Items        []*item
	NoBackup     bool // one is a copy's incident, or of whatever else an alert says of a machine
	Organisation string
	Phone        string
	Replies      bool   // somebody reads what is replied
	Tag          string // the words in the coloured bar
	Title        string // the subject
	Colour       string // of the bar
	Digest       *digestView
	aliases      map[string]string
	many         bool
	outside      bool // somebody outside the organisation reads it
	acted        bool // each row has its buttons
	counted      int  // what things counts, while names are shortened
}

func (r *Renderer) newView(ns []incident.Notification, t *locale.Language) *view {
	v := &view{Organisation: r.organisation, Phone: r.phone, Replies: r.replies, aliases: r.aliases}
	for _, n := range ns {
		ref := n.DecidedAt
		if n.HoldUntil.After(ref) {
			ref = n.HoldUntil
		}
		reader := n.Reader(r.isOutside)
		it := newItem(&sheet{n: cleanNotification(n), links: linker{Links: r.links, n: n}, reader: reader})
		it.n.Data = it.n.Data.For(reader)
		it.f = &it.n.Data
		it.Locale = t.In(it.f.Zone, ref)
		nameOf(it.f, it.Locale)
		if r.isOutside(it.f.Contact) {
			it.contact = it.f.Contact
		}
		v.add(it)
		v.outside = v.outside || reader != incident.Team
	}
	for _, it := range v.Items {
		it.links.answerOnly = v.outside || slices.ContainsFunc(it.n.Cc, r.isOutside)
	}
	v.item = v.Items[0]
	v.many = len(v.Items) > 1
	return v
}

// Reply says how to answer: by a reply, or otherwise where nobody reads one.
func (v *view) Reply() string {
	switch {
	case v.Replies:
		return v.Say("reply.read")
	case v.outside:
		return v.Say("reply.outside")
	}
	return v.Say("reply.team")
}

// ReplyUp is Reply at the start of a sentence.
func (v *view) ReplyUp() string { return upperFirst(v.Reply()) }

// add takes in a notification. What is told twice of one incident is one row, as
// it stands now, with the clocks of both; only what people wrote stays apart.
func (v *view) add(it *item) {
	v.NoBackup = v.NoBackup || !it.isBackup() || it.Copy()
	if it.f.Target != "" {
		it.missed = []string{it.f.Target}
	}
	for at, before := range v.Items {
		if !before.sameTale(it) {
			continue
		}
		later := it
		if before.n.DecidedAt.After(it.n.DecidedAt) {
			later = before
		}
		later.missed = before.missed
		for _, name := range it.missed {
			if !slices.Contains(later.missed, name) {
				later.missed = append(slices.Clip(later.missed), name)
			}
		}
		later.f.Percent = max(before.f.Percent, it.f.Percent)
		v.Items[at] = later
		return
	}
	v.Items = append(v.Items, it)
}

// things counts the machines or platforms that the mail speaks of: two roles of
// one server are one machine.
func (v *view) things() int {
	if v.counted > 0 {
		return v.counted
	}
	seen := map[[2]string]bool{}
	for _, i := range v.Items {
		seen[[2]string{i.f.Customer, i.Thing()}] = true
	}
	return len(seen)
}

// SameMachine tells that several incidents are all about one machine or platform.
func (v *view) SameMachine() bool { return v.many && v.Thing() != "" && v.things() == 1 }

// Several tells that the mail speaks of several machines or platforms.
func (v *view) Several() bool { return v.many && !v.SameMachine() }

// AlertsOver tells that what was failing fires no more, and that nothing proves a repair.
func (v *view) AlertsOver() bool {
	return !slices.ContainsFunc(v.Items, func(i *item) bool { return i.f.State != model.Unverified })
}

// Erring tells whether the product explains a failure in its own words.
func (v *view) Erring() bool {
	return slices.ContainsFunc(v.Items, func(i *item) bool { return i.f.Error != "" })
}

// StillBroken are the other backups, of machines whose own works again, that do
// not: "la sauvegarde locale de SRV-AD". What the same mail says is over is not.
func (v *view) StillBroken() string {
	var names []string
	for _, i := range v.broken() {
		name := i.Say("the_backup", "backup", lowerFirst(i.OtherName()), "of", i.OfMachine())
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return v.all(names)
}

// broken are those whose machine's other backup does not work.
func (v *view) broken() []*item {
	return slices.DeleteFunc(slices.Clone(v.Items), func(i *item) bool {
		over := func(o *item) bool { return o != i && o.f.Customer == i.f.Customer && o.f.Machine == i.f.Machine }
		return !i.isBackup() || i.f.Other.State != model.EvidenceKO || slices.ContainsFunc(v.Items, over)
	})
}

// StillOpen tells that each of StillBroken has an open incident, StillClosed that none has:
// a person closed it, or it broke without an alert.
func (v *view) StillOpen() bool {
	return !slices.ContainsFunc(v.broken(), func(i *item) bool { return len(i.f.OtherTexts) == 0 })
}

// StillClosed is the contrary of StillOpen for all of them.
func (v *view) StillClosed() bool {
	return !slices.ContainsFunc(v.broken(), func(i *item) bool { return len(i.f.OtherTexts) > 0 })
}

// AllKnown tells that of each machine whose backup works again the other backup is
// known to work, or not to be there.
func (v *view) AllKnown() bool {
	return !slices.ContainsFunc(v.Items, func(i *item) bool { return i.isBackup() && i.OtherOpen() })
}

// templateName is the name of the template that a policy calls so.
func (v *view) templateName(id string) string {
	if name, ok := v.aliases[id]; ok {
		return name
	}
	return id
}

// Many tells whether the mail speaks of several incidents.
func (v *view) Many() bool { return v.many }

// LeftBy is who had all of them until they were given back; "" where nobody gave them
// back, or more than one.
func (v *view) LeftBy() string {
	for _, i := range v.Items {
		if i.LeftBy() != v.item.LeftBy() {
			return ""
		}
	}
	return v.item.LeftBy()
}

// Count is how many incidents the mail speaks of.
func (v *view) Count() int { return len(v.Items) }

// Machines is "12 machines", or the number of platforms, of one machine's backups
// or of incidents.
func (v *view) Machines() string {
	switch {
	case v.SameMachine() && (v.IsPlatform() || v.NoBackup):
	case v.SameMachine() && !v.outside:
		return v.Plural("backups", len(v.Items))
	case v.IsPlatform():
		return v.Plural("platforms", v.things())
	case v.outside:
		return v.Computers()
	case v.f.Machine != "":
		return v.Plural("machines", v.things())
	}
	return v.Plural("incidents", len(v.Items))
}

// Computers is Machines in the words of a customer.
func (v *view) Computers() string { return v.Plural("computers", v.things()) }

// Names lists the first machines: "SRV-AD, NAS-01 et 10 autres".
func (v *view) Names() string {
	var all []string
	for _, i := range v.Items {
		if name := i.Thing(); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return v.few(all, 3)
}

// unbracket keeps a label from looking like the number of another incident.
func unbracket(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "[", "("), "]", ")") }

// Fact is the bundle's common fact, in the plural.
func (v *view) Fact() string {
	if !v.many {
		return v.item.Fact()
	}
	for _, i := range v.Items[1:] {
		if i.kind() != v.kind() || i.Engine() != v.Engine() || i.Noun() != v.Noun() {
			return v.Word("fact.many")
		}
	}
	return v.Say("fact."+v.kind(), "backup", v.Noun(), "engine", v.Made())
}

// AlertOwn names what the alerts of the mail tell of.
func (v *view) AlertOwn() string {
	var all []string
	for _, i := range v.Items {
		if name := i.AlertOwn(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return v.few(all, 3)
}

// SameAnswers tells that all were answered alike.
func (v *view) SameAnswers() bool {
	return !slices.ContainsFunc(v.Items, func(i *item) bool { return i.AnswerResult() != v.AnswerResult() })
}

// Sentence of a bundle counts the machines.
func (v *view) Sentence() string {
	if !v.many {
		return v.item.Sentence()
	}
	if v.SameMachine() {
		return v.Say("sentence.same", "of", v.OfMachine())
	}
	return v.Say("sentence.many", "machines", v.Machines())
}

// Outside tells whether somebody outside the organisation reads this message.
func (v *view) Outside() bool { return v.outside }

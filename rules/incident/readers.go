package incident

import (
	"reflect"
	"slices"
)

// Reader is in whose words a mail is written, and what it may tell. What a field may be
// read by stands beside it in [MessageData]; what says nothing is for our own people.
type Reader string

// The kinds of readers. A stranger is known by nothing but his own report: he reads that
// it came and that it is over.
const (
	Team       Reader = ""
	ByCustomer Reader = "customer"
	ByStranger Reader = "stranger"
)

// Reader is whom a notification speaks to: those in To. Who of ours is in copy of what is
// written to a customer reads the same, as its trace.
func (n Notification) Reader(outside func(Party) bool) Reader {
	switch {
	case !slices.ContainsFunc(n.To, outside):
		return Team
	case slices.ContainsFunc(n.To, func(p Party) bool { return !p.Stranger }):
		return ByCustomer
	}
	return ByStranger
}

// For is what such a reader may know of it.
func (f MessageData) For(r Reader) MessageData {
	if r == Team {
		return f
	}
	v := reflect.ValueOf(&f).Elem()
	for i := range v.NumField() {
		if reads := Reader(v.Type().Field(i).Tag.Get("reads")); reads != ByStranger && reads != r {
			v.Field(i).SetZero()
		}
	}
	f.Plans, f.History = slices.Clone(f.Plans), slices.Clone(f.History)
	for i := range f.Plans {
		f.Plans[i].Error = ""
	}
	for i := range f.History {
		if h := &f.History[i]; !h.Open && h.What != "mail" {
			h.Who, h.Text = "", ""
		}
	}
	return f
}

// Apart reports whether somebody in copy reads another text than those in To: one of a
// customer's people does not read what is written to ours.
func (n Notification) Apart(p Party) bool {
	outside := func(p Party) bool { return p.Outside }
	return outside(p) && n.Reader(outside) == Team
}

// InCopy are notifications as somebody in copy reads them who is [Notification.Apart].
func InCopy(ns []Notification, p Party) []Notification {
	ns = slices.Clone(ns)
	for i := range ns {
		ns[i].To, ns[i].Cc = []Party{p}, nil
	}
	return ns
}

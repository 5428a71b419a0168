package policy

import (
	"reflect"
	"slices"

	"vigie/internal/strict"
)

// filledIn is a scenario with all that it has by being like another one. What it
// says itself comes in the place of that; targets and steps are told apart by
// their names, and those that it names under without: are left out. What goes by
// the calendar of the other one goes by its own.
func (d scenarioDoc) filledIn(l *loader, path string) scenarioDoc {
	if d.Like == "" {
		if len(d.Without) > 0 {
			l.fault(d.Position, path+".without", "it means nothing without like: leave it out")
		}
		return d
	}
	base, known := l.docs[d.Like]
	if !known {
		l.fault(d.Position, path+".like", "there is no scenario %q above this one: define it before", d.Like)
		return d
	}
	out := base
	own, all := reflect.ValueOf(d), reflect.ValueOf(&out).Elem()
	for n := range own.NumField() {
		if name := own.Type().Field(n).Name; name == "Targets" || name == "Steps" {
			continue
		}
		if v := own.Field(n); !v.IsZero() {
			all.Field(n).Set(v)
		}
	}
	out.Without = d.Without
	out.Targets = named(base.Targets, d.Targets, d.Without, func(t namedTargetDoc) string { return t.name })
	out.Steps = named(base.Steps, d.Steps, d.Without, func(st stepDoc) string { return st.Name })
	for _, name := range d.Without {
		is := func(t namedTargetDoc) bool { return t.name == name }
		if !slices.ContainsFunc(base.Targets, is) && !slices.ContainsFunc(base.Steps, func(st stepDoc) bool { return st.Name == name }) {
			l.fault(d.Position, path+".without", "%s", strict.Unknown("target or step", name, base.names()))
		}
	}
	return out
}

// named joins two lists: an entry of the second takes the place of that with its
// name in the first, new ones follow.
func named[T any](base, own []T, without []string, name func(T) string) []T {
	out := slices.DeleteFunc(slices.Clone(base), func(x T) bool { return slices.Contains(without, name(x)) })
	inherited := len(out)
	replaced := map[int]bool{}
	for _, x := range own {
		n := slices.IndexFunc(out[:inherited], func(o T) bool { return name(o) == name(x) })
		if n < 0 || replaced[n] { // what stands twice is complained of when it is read
			out = append(out, x)
			continue
		}
		out[n], replaced[n] = x, true
	}
	return out
}

// names are those of the targets and steps.
func (d scenarioDoc) names() []string {
	var out []string
	for _, t := range d.Targets {
		out = append(out, t.name)
	}
	for _, st := range d.Steps {
		out = append(out, st.Name)
	}
	slices.Sort(out)
	return out
}

// keep remembers a scenario as others may be like it.
func (l *loader) keep(d scenarioDoc) {
	if l.docs == nil {
		l.docs = map[string]scenarioDoc{}
	}
	l.docs[d.Name] = d
}

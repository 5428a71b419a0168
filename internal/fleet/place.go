package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vigie/internal/strict"
)

// Place is where lies what a plan saves, as far as the inventory says it. What it
// does not say is not known, and never taken for granted.
type Place struct {
	Location  string `yaml:"location" json:"location,omitempty"` // plans of one location are one copy
	Medium    Medium `yaml:"medium" json:"medium,omitempty"`
	Offsite   Answer `yaml:"offsite" json:"offsite,omitempty"`     // away from the machine's own site
	Immutable Answer `yaml:"immutable" json:"immutable,omitempty"` // not even an administrator can delete it before its time
}

// placeKeys are the keys and columns that say it; no exporter needs them.
var placeKeys = [...]string{"location", "medium", "offsite", "immutable"}

// Medium is on what a copy lies; empty where nobody says it.
type Medium string

// Media are those that are told apart.
func Media() []string { return []string{"disk", "nas", "removable", "tape", "cloud"} }

// UnmarshalScalar reads one of the media.
func (m *Medium) UnmarshalScalar(text string) error {
	if text = strings.ToLower(text); !slices.Contains(Media(), text) {
		return fmt.Errorf("%q is no medium: write %s", text, alternatives(Media()))
	}
	*m = Medium(text)
	return nil
}

func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Answer is yes or no, or empty where nobody says it.
type Answer string

// The answers.
const (
	Yes Answer = "yes"
	No  Answer = "no"
)

// UnmarshalScalar reads true or false, yes or no.
func (a *Answer) UnmarshalScalar(text string) error {
	var f Flag
	if err := f.UnmarshalScalar(text); err != nil {
		return fmt.Errorf("%w; leave it out where it is not known", err)
	}
	if *a = No; f {
		*a = Yes
	}
	return nil
}

// Copy is one copy of a machine's data, with the plans that make it.
type Copy struct {
	Place
	Plans []int // by their index in the machine's plans
}

// Copies are those that a machine's plans make. Plans that name no location are one
// copy where they are of one role and product and say the same of their place: two
// jobs into one vault are no two copies. A replica and the settings of a product are
// no copy of the machine's data, and what is ignored nobody watches.
func Copies(plans []Plan) []Copy {
	var out []Copy
	var keys []string
	for i, p := range plans {
		if !IsBackup(p.Told()) && p.Kind != "copy" && p.Kind != "archive" || bool(p.Ignore) {
			continue
		}
		key := "at " + Fold(strings.TrimSpace(p.Location))
		if p.Location == "" {
			key = strings.Join([]string{p.Told(), Fold(p.Engine), string(p.Medium), string(p.Offsite), string(p.Immutable)}, "\x00")
		}
		at := slices.Index(keys, key)
		if at < 0 {
			at = len(keys)
			keys, out = append(keys, key), append(out, Copy{Place: Place{Location: p.Location}})
		}
		out[at].Plans = append(out[at].Plans, i)
		out[at].add(p.Place)
	}
	return out
}

// add takes over what a further plan says of the place.
func (p *Place) add(o Place) {
	p.Medium, p.Offsite, p.Immutable = cmp.Or(p.Medium, o.Medium), cmp.Or(p.Offsite, o.Offsite), cmp.Or(p.Immutable, o.Immutable)
}

// PlaceFault is what two plans of one location contradict each other in, at the
// second of them; what is empty for none.
func PlaceFault(plans []Plan) (at strict.Position, what, cure string) {
	said := map[string]Place{}
	for _, p := range plans {
		if p.Location == "" {
			continue
		}
		key := Fold(strings.TrimSpace(p.Location))
		had := said[key]
		for _, x := range [...]struct{ key, had, has string }{{"medium", string(had.Medium), string(p.Medium)},
			{"offsite", string(had.Offsite), string(p.Offsite)}, {"immutable", string(had.Immutable), string(p.Immutable)}} {
			if x.had != "" && x.has != "" && x.had != x.has {
				return p.At, fmt.Sprintf("%s of the location %q is %s here and %s in an earlier plan", x.key, p.Location, x.has, x.had), "write the same in both, or give two locations two names"
			}
		}
		had.add(p.Place)
		said[key] = had
	}
	return strict.Position{}, "", ""
}

// Covers tells whether a job that a product calls so may be that of the plan: by its
// name, or only by its role and product. What is a copy must be called as one: by its
// role and product alone it could be any backup.
func (p Plan) Covers(role, engine, name string, exact bool) bool {
	fits := p.Role == role
	if p.Kind != "" {
		fits = string(p.Kind) == role || exact && (p.Role == "" || fits)
	}
	return fits && (p.Engine == "" || strings.EqualFold(p.Engine, engine)) &&
		(!exact || p.Plan != "" && strings.EqualFold(p.Plan, strings.TrimSpace(name)))
}

// PlanOf finds the plan of a job: the one that it is called after, or else the only one
// of its role and product, or else the one of its name, whatever role its product gives
// it; -1 if none, or several, may be meant. Named tells that it bears the plan's name.
func PlanOf(plans []Plan, role, engine, name string) (at int, named bool) {
	covers := func(exact bool) func(Plan) bool {
		return func(p Plan) bool { return p.Covers(role, engine, name, exact) }
	}
	anyRole := func(p Plan) bool {
		p.Role, p.Kind = role, ""
		return p.Covers(role, engine, name, true)
	}
	for _, x := range []struct {
		fits  func(Plan) bool
		named bool
	}{{covers(true), true}, {covers(false), false}, {anyRole, true}} {
		if at := slices.IndexFunc(plans, x.fits); at >= 0 && !slices.ContainsFunc(plans[at+1:], x.fits) {
			return at, x.named
		}
	}
	return -1, false
}

package policy

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/availability"
)

// Unavailability says how long a platform may be down in its guaranteed hours, and
// how that is measured.
type Unavailability struct {
	Calendar  string // the guaranteed hours
	Tolerance time.Duration
	Per       availability.Per
	// Series is 1 while a probe of a platform is well and 0 while it is not, with
	// the labels platform and probe.
	Series string
	// SampleLasts is how long a sample speaks when no other follows.
	SampleLasts time.Duration
}

// What holds where the policy says nothing.
const (
	probeSeries = "platform:probe_success:max"
	sampleLasts = 2 * time.Minute
)

type unavailabilityDoc struct {
	strict.Position
	Calendar    string         `yaml:"calendar"`
	Tolerance   *time.Duration `yaml:"tolerance"`
	Per         string         `yaml:"per"`
	Series      string         `yaml:"series"`
	SampleLasts *time.Duration `yaml:"sample_lasts"`
}

var metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func (d *unavailabilityDoc) load(l *loader) {
	const path = "unavailability"
	u := &Unavailability{Calendar: d.Calendar, Per: availability.Per(cmp.Or(d.Per, string(availability.PerMonth))),
		Series: cmp.Or(d.Series, probeSeries), SampleLasts: sampleLasts}
	l.calendar(d.Position, path+".calendar", u.Calendar, false)
	if d.Tolerance == nil {
		l.fault(d.Position, path+".tolerance", "missing: how long a platform may be down, e.g. tolerance: 10m")
	} else {
		u.Tolerance = *d.Tolerance
	}
	if pers := availability.Pers(); !slices.Contains(pers, u.Per) {
		l.fault(d.Position, path+".per", "%q is not known: write month, day or outage", u.Per)
	}
	if !metricName.MatchString(u.Series) {
		l.fault(d.Position, path+".series", "%q is not the name of a series: write one such as %s, without labels", u.Series, probeSeries)
	}
	if d.SampleLasts != nil {
		u.SampleLasts = *d.SampleLasts
		if u.SampleLasts < time.Second || u.SampleLasts > time.Hour {
			l.fault(d.Position, path+".sample_lasts", "%s is no time between two samples: write from 1s to 1h, e.g. 2m", u.SampleLasts)
		}
	}
	l.policy.Unavailability = u
}

// measured takes a target that is measured and not timed.
func (t namedTargetDoc) measured(l *loader, out *Target, path string) {
	d := t.doc
	if d.Measured != "unavailability" {
		l.fault(d.Position, path+".measured", "%q is not measured: write unavailability", d.Measured)
	} else if l.policy.Unavailability == nil {
		l.fault(d.Position, path+".measured", "the policy does not say how: add unavailability: with a calendar and a tolerance")
	}
	var stray []string
	for key, given := range map[string]bool{"from": d.From != "", "within": d.Within != nil, "calendar": d.Calendar != "", "at_least": d.AtLeast != nil,
		"by_severity": len(d.BySeverity) > 0, "met_by": len(d.MetBy) > 0, "only_if": len(d.OnlyIf) > 0, "late_below": d.LateBelow != nil, "pausable": d.Pausable != nil} {
		if given {
			stray = append(stray, key)
		}
	}
	if slices.Sort(stray); len(stray) > 0 {
		l.fault(d.Position, path, "%s means nothing beside measured: take it out", strings.Join(stray, ", "))
	}
	out.Measured, out.From = true, ""
}

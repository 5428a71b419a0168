package policy

import (
	"strconv"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/model"
)

// Correlation raises one incident for a failure that many share.
type Correlation struct {
	Name      string
	Match     model.Matchers
	Within    time.Duration
	Machines  int
	Customers int
	Ratio     float64 // share of all machines, 0 to 1
	Same      []string
	Labels    model.Labels // of the raised signal
	Marks     bool         // members carry the flag outage
	// Cause are labels or annotations that tell why a member fails, the surest
	// first. A failure that marks its members must have one in common ...
	Cause []string
	// ... or be that of more than this share of one source's machines, 0 to 1,
	// and of at least so many machines.
	SourceShare float64
	Floor       int
	// InhibitFor is for how long members are told by the common failure alone.
	InhibitFor Delay
}

type correlationDoc struct {
	strict.Position
	Name        string            `yaml:"name"`
	Match       []string          `yaml:"match"`
	Within      time.Duration     `yaml:"within"`
	Machines    int               `yaml:"machines"`
	Customers   int               `yaml:"customers"`
	Share       string            `yaml:"share"`
	Same        []string          `yaml:"same"`
	Raises      map[string]string `yaml:"raises"`
	Marks       bool              `yaml:"marks_members"`
	Cause       []string          `yaml:"cause"`
	OfSource    string            `yaml:"share_of_source"`
	Floor       *int              `yaml:"floor"`
	MembersHeld *delayDoc         `yaml:"members_held"`
}

func (d correlationDoc) load(l *loader) {
	path := "correlations." + d.Name
	ms, err := model.ParseMatchers(d.Match)
	if err != nil {
		l.fault(d.Position, path+".match", `%s: write matchers as in Alertmanager, e.g. 'kind=~"failed|missed"'`, err)
	}
	c := &Correlation{Name: d.Name, Match: ms, Within: d.Within, Machines: d.Machines, Customers: d.Customers, Same: d.Same,
		Labels: d.Raises, Marks: d.Marks}
	if d.Share != "" {
		c.Ratio = d.share(l, path+".share", d.Share)
	}
	d.common(l, c, path)
	if d.Name == "" || d.Within <= 0 || len(d.Raises) == 0 {
		l.fault(d.Position, path, "name, within and raises are needed: what is counted, in what time, and the labels of the signal that it raises")
	}
	for _, other := range l.policy.Correlations {
		if other.Name == c.Name {
			l.fault(d.Position, path, "there are two correlations named %q: give each its own name", c.Name)
		}
	}
	l.policy.Correlations = append(l.policy.Correlations, c)
}

// What a policy of an earlier day, which does not say it, means by a common
// failure: an error in common, or more than half of a source's machines if they
// are five; after half a service day each member is told by itself.
const (
	defaultSourceShare = 0.5
	defaultFloor       = 5
)

func defaultCause() []string { return []string{"error_code", "error_class", "error"} }

func defaultInhibition() Delay {
	four, _ := calendar.ParseAmount("4")
	return Delay{Business: &calendar.Duration{Amount: four, Unit: calendar.BusinessHours}}
}

// common takes what makes failures one, and for how long.
func (d correlationDoc) common(l *loader, c *Correlation, path string) {
	c.Cause, c.SourceShare, c.Floor, c.InhibitFor = defaultCause(), defaultSourceShare, defaultFloor, defaultInhibition()
	if d.Cause != nil {
		c.Cause = d.Cause
	}
	if d.OfSource != "" {
		c.SourceShare = d.share(l, path+".share_of_source", d.OfSource)
	}
	if d.Floor != nil {
		if c.Floor = *d.Floor; c.Floor < 2 {
			l.fault(d.Position, path+".floor", "%d is no floor: write from how many machines on their share counts, 2 or more", c.Floor)
		}
	}
	if d.MembersHeld != nil {
		d.MembersHeld.positive(l, path+".members_held", "4 business_hours")
		c.InhibitFor = d.MembersHeld.Delay
		if c.InhibitFor.Calendar != "" {
			l.calendar(d.MembersHeld.Position, path+".members_held.calendar", c.InhibitFor.Calendar, false)
		}
	}
	if !d.Marks && (d.Cause != nil || d.OfSource != "" || d.Floor != nil || d.MembersHeld != nil) {
		l.fault(d.Position, path, "cause, share_of_source, floor and members_held belong to marks_members: true; add that, or leave them out")
	}
}

// share reads a share of machines.
func (d correlationDoc) share(l *loader, path, text string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
	if err != nil || v <= 0 || v > 100 {
		l.fault(d.Position, path, `%q is not a share: write e.g. "20 %%"`, text)
	}
	return v / 100
}

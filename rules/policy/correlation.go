package policy

import (
	"strconv"
	"strings"
	"time"

	"vigie/internal/strict"
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
	At        strict.Position
}

type correlationDoc struct {
	strict.Position
	Name      string            `yaml:"name"`
	Match     []string          `yaml:"match"`
	Within    time.Duration     `yaml:"within"`
	Machines  int               `yaml:"machines"`
	Customers int               `yaml:"customers"`
	Share     string            `yaml:"share"`
	Same      []string          `yaml:"same"`
	Raises    map[string]string `yaml:"raises"`
	Marks     bool              `yaml:"marks_members"`
}

func (d correlationDoc) load(l *loader) {
	path := "correlations." + d.Name
	ms, err := model.ParseMatchers(d.Match)
	if err != nil {
		l.fault(d.Position, path+".match", `%s: write matchers as in Alertmanager, e.g. 'kind=~"failed|missed"'`, err)
	}
	c := &Correlation{Name: d.Name, Match: ms, Within: d.Within, Machines: d.Machines, Customers: d.Customers, Same: d.Same,
		Labels: d.Raises, Marks: d.Marks, At: d.Position}
	if d.Share != "" {
		v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(d.Share, "%")), 64)
		if err != nil || v <= 0 || v > 100 {
			l.fault(d.Position, path+".share", `%q is not a share: write e.g. "20 %%"`, d.Share)
		}
		c.Ratio = v / 100
	}
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

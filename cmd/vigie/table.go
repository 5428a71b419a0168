package main

import (
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// columns begins a table for people.
func (c *commands) columns(heads ...string) *columns {
	t := &columns{w: tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)}
	t.row(heads...)
	return t
}

// columns are a table: its cells stand below each other.
type columns struct{ w *tabwriter.Writer }

func (t *columns) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t *columns) flush() error { return t.w.Flush() }

// inZone has instants shown in a zone from now on: the reader's own where one is
// named, else the policy's; one of these that is not known here changes nothing.
func (c *commands) inZone(own, policy string) error {
	if own = strings.TrimPrefix(own, ":"); own != "" {
		zone, err := time.LoadLocation(own)
		if err != nil {
			return fmt.Errorf("--timezone: %w: write it like Europe/Paris", err)
		}
		c.zone = zone
		return nil
	}
	if zone, err := time.LoadLocation(policy); err == nil && policy != "" {
		c.zone = zone
	}
	return nil
}

// second writes an instant with the name of its zone; a dash for none.
func (c *commands) second(at time.Time) string { return c.instant(at, "2006-01-02 15:04:05 MST") }

// minute is [commands.second] without seconds.
func (c *commands) minute(at time.Time) string { return c.instant(at, "2006-01-02 15:04 MST") }

func (c *commands) instant(at time.Time, layout string) string {
	if at.IsZero() {
		return "-"
	}
	if c.zone != nil {
		at = at.In(c.zone)
	}
	return at.Format(layout)
}

// identityLabels are the labels by which the receiver finds an incident, in the order
// in which people name them.
func identityLabels() []string {
	return []string{model.LabelCustomer, model.LabelPlatform, model.LabelMachine, model.LabelBackupRole}
}

// bare is what a shell passes on as it stands.
var bare = regexp.MustCompile(`^[\pL\pN._:@%+/-]+$`)

// keyWord is an incident's key as it can be handed to explain and act, also when
// it is copied into a shell: its labels, or in quotes the key itself.
func keyWord(i incident.Incident) string {
	var pairs []string
	for _, k := range identityLabels() {
		if v, has := i.Identity[k]; has && bare.MatchString(v) {
			pairs = append(pairs, k+"="+v)
		}
	}
	if len(pairs) == 0 || len(pairs) < len(i.Identity) {
		return `'` + strings.ReplaceAll(i.Key, `'`, `'\''`) + `'`
	}
	return strings.Join(pairs, ",")
}

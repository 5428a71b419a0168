package dashboards

import (
	"fmt"
	"strconv"
	"strings"
)

// The colours. Green is said only of what is known to be good.
const (
	green  = "green"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	dark   = "dark-red"
	purple = "purple"
	blue   = "blue"
	grey   = "#8e8e8e"
	plain  = "text"
)

// state is one value of the label state, as the recording rules write it.
type state struct {
	name string
	// code is the number that stands for it in a picture: the greater, the worse.
	code   int
	colour string
	en, fr string
}

// states are all of them, the best first, in the order in which the recording
// rules let one plan's state stand for its machine's.
func states() []state {
	return []state{
		{"disabled", 1, grey, "disabled", "désactivée"},
		{"ok", 2, green, "ok", "bonne"},
		{"warning", 3, yellow, "warning", "avertissement"},
		{"unknown", 4, blue, "unknown", "inconnu"},
		{"late", 5, orange, "late", "en retard"},
		{"never", never, dark, "never ran", "jamais exécutée"},
		{"vanished", 7, purple, "vanished", "disparue"},
		{"failed", 8, red, "failed", "échouée"},
	}
}

// never is the code of a backup that never ran: also of a machine that no
// product lists.
const never = 6

func (l Language) state(s state) string { return l.say(s.en, s.fr) }

// mappings shows the code of a state, or its name, as a word and a colour.
func (l Language) mappings() []Mapping {
	m := map[string]MappingResult{}
	for i, s := range states() {
		r := MappingResult{Text: l.state(s), Color: s.colour, Index: i}
		m[strconv.Itoa(s.code)], m[s.name] = r, r
	}
	return []Mapping{{Type: "value", Options: m}}
}

// good says of a selector's jobs which have a usable last backup.
const good = `state=~"ok|warning"`

// code is the query of the worst state, as a number, of each group of labels.
func code(metric, matchers, by string) string {
	var parts []string
	for _, s := range states() {
		m := fmt.Sprintf("state=%q", s.name)
		if matchers != "" {
			m += "," + matchers
		}
		parts = append(parts, fmt.Sprintf("%d * %s{%s}", s.code, metric, m))
	}
	return fmt.Sprintf("max by (%s) (\n  %s\n)", by, strings.Join(parts, "\n    or\n  "))
}

// unprotected are the machines without a single good backup, those of the
// inventory that no product knows among them.
func unprotected(matchers string) string {
	return fmt.Sprintf(`(
  group by (customer, machine) (backup_job:state{%[1]s})
    unless on (customer, machine)
  group by (customer, machine) (backup_job:state{%[2]s,%[1]s})
)
  or on (customer, machine)
group by (customer, machine) (backup_inventory_machine_jobs{%[1]s} == 0)`, matchers, good)
}

// machines are all that are known, in a product or in the inventory.
func machines(matchers string) string {
	return fmt.Sprintf(`group by (customer, machine) (backup_job:state{%[1]s} or backup_inventory_machine_jobs{%[1]s})`, matchers)
}

// protected is the share of each customer's machines with a good backup. It is absent,
// not 1, where no machine is known.
func protected(matchers string) string {
	return fmt.Sprintf(`(
  count by (customer) (group by (customer, machine) (backup_job:state{%[1]s,%[2]s}))
    or
  0 * count by (customer) (%[3]s)
)
  / on (customer)
count by (customer) (%[3]s)`, good, matchers, machines(matchers))
}

// age is the time from the last success to the time of the data, so that a
// source that cannot be read makes nothing older.
func age(matchers, by string) string {
	return fmt.Sprintf(`min by (%s) (
  backup_job:read_timestamp_seconds:last
    - on (source, customer, job_id) group_right ()
  backup_job:last_success_timestamp_seconds:named{%s}
)`, by, matchers)
}

// counted is how often a counter has counted within a span. increase() alone
// misses the first of each kind, which begins as 1 without a 0 before it: of
// incidents and missed targets that is the one that matters.
func counted(metric, span, by string) string {
	first := fmt.Sprintf("(min_over_time(%[1]s[%[2]s]) unless last_over_time(%[1]s[1h] offset %[2]s))", metric, span)
	increase := fmt.Sprintf("increase(%s[%s])", metric, span)
	sum := "sum"
	if by != "" {
		sum += " by (" + by + ")"
	}
	return fmt.Sprintf("round(%s (\n  %[2]s + %[3]s\n    or\n  %[3]s\n    or\n  %[2]s\n))", sum, first, increase)
}

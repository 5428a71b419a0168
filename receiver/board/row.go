package board

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Row is what lists sort, search and count of an open incident. All rows are held, and
// there may be a million: what many have in common is kept once, and the rest is packed.
type Row struct {
	kind     unique.Handle[kind]
	values   string     // of the identity's labels
	dues     []int64    // when the clocks that run are due
	concerns *concerned // nil where the identity says it all
	number   uint32
	Silenced bool
	Double   bool // no backup of the machine works
	replaced bool // there is a newer row of the incident, or it has ended
}

// kind is what many rows have in common. Labels and clocks are names, each list in one
// string.
type kind struct{ scenario, policy, state, assignee, labels, clocks string }

// concerned says whom an incident concerns beside its customer.
type concerned struct{ platforms, reporters []string }

// apart stands between what is packed into one string.
const apart = "\x00"

// RowOf is the row of an incident.
func RowOf(i *incident.Incident) *Row {
	var labels, values, clocks []string
	for _, name := range slices.Sorted(maps.Keys(i.Identity)) {
		labels, values = append(labels, name), append(values, strings.ReplaceAll(i.Identity[name], apart, ""))
	}
	var dues []int64
	for _, name := range slices.Sorted(maps.Keys(i.Targets)) {
		if c := i.Targets[name]; !c.Due.IsZero() && c.MetAt.IsZero() && !c.Paused {
			clocks, dues = append(clocks, name), append(dues, c.Due.UnixNano())
		}
	}
	return &Row{
		kind: unique.Make(kind{i.Scenario, i.Policy, string(i.State), i.Assignee, strings.Join(labels, apart), strings.Join(clocks, apart)}),
		// Both for as long as the row lives: with no room to grow.
		values: strings.Join(values, apart), dues: slices.Clip(dues),
		concerns: concernedBy(i), number: uint32(i.Number),
		Silenced: i.Flags[model.FlagSilenced], Double: i.Flags[model.FlagDoubleFailure],
	}
}

func concernedBy(i *incident.Incident) *concerned {
	x := concerned{platforms: i.Platforms()}
	for _, r := range i.Reports {
		x.reporters = append(x.reporters, r.By)
	}
	if len(x.platforms)+len(x.reporters) == 0 {
		return nil
	}
	return &x
}

// ID is the incident's.
func (r *Row) ID() string { return "i" + strconv.Itoa(r.Number()) }

// Number is the incident's, as people say it.
func (r *Row) Number() int { return int(r.number) }

// State is the incident's.
func (r *Row) State() model.State { return model.State(r.kind.Value().state) }

// Scenario is the name of the incident's.
func (r *Row) Scenario() string { return r.kind.Value().scenario }

// Assignee is who has the incident; "" for nobody.
func (r *Row) Assignee() string { return r.kind.Value().assignee }

// Label is one of the identity's labels; "" where it has none of that name.
func (r *Row) Label(name string) string {
	values := r.values
	for label := range strings.SplitSeq(r.kind.Value().labels, apart) {
		value, others, _ := strings.Cut(values, apart)
		if label == name {
			return value
		}
		values = others
	}
	return ""
}

// Running are the targets that still run, with the instant at which each is due.
func (r *Row) Running() iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		clocks := r.kind.Value().clocks
		for _, due := range r.dues {
			clock, others, _ := strings.Cut(clocks, apart)
			if !yield(clock, time.Unix(0, due).UTC()) {
				return
			}
			clocks = others
		}
	}
}

// Deadline is that of the nearest target that still runs; zero for none.
func (r *Row) Deadline() time.Time {
	if len(r.dues) == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.nearest()).UTC()
}

// nearest is when the nearest target is due; for none the last instant of all.
func (r *Row) nearest() int64 {
	nearest := int64(math.MaxInt64)
	for _, due := range r.dues {
		nearest = min(nearest, due)
	}
	return nearest
}

// Platforms are those that it concerns.
func (r *Row) Platforms() []string {
	if r.concerns == nil {
		return nil
	}
	return r.concerns.platforms
}

// compare puts the nearest deadline first and what has none last; of one deadline,
// where no backup works first.
func (r *Row) compare(than *Row) int {
	double := 0
	switch {
	case r.Double && !than.Double:
		double = -1
	case !r.Double && than.Double:
		double = 1
	}
	return cmp.Or(cmp.Compare(r.nearest(), than.nearest()), double, cmp.Compare(r.number, than.number))
}

// numbered is an incident's number as mails and pages write it: #12, INC-12.
var numbered = regexp.MustCompile(`^(?i:\[?(?:#|INC-))?(\d+)\]?$`)

// Has reports whether the row says a text, in whatever case: its number as it is
// written, and what it is about by ids or by the names that people know.
func (r *Row) Has(text string, dir *inventory.Directory) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if n := numbered.FindStringSubmatch(text); n != nil && n[1] == strconv.Itoa(r.Number()) {
		return true
	}
	says := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if says(strings.Join([]string{r.Assignee(), r.Scenario(), string(r.State()), strings.ReplaceAll(r.values, apart, " ")}, " ")) {
		return true
	}
	if c := dir.Customers[r.Label(model.LabelCustomer)]; c != nil && says(c.Name) {
		return true
	}
	if p := dir.Person(r.Assignee()); p != nil && says(p.Name) {
		return true
	}
	return slices.ContainsFunc(r.Platforms(), func(id string) bool {
		p := dir.Platforms[id]
		return says(id) || p != nil && says(p.Name)
	})
}

// Outside is the row as a customer's own person sees it, who finds nothing by what he is
// not shown: who has it, and which platforms it hits that are not his.
func (r *Row) Outside(his func(platform string) bool) *Row {
	k := r.kind.Value()
	k.assignee = ""
	out := Row{kind: unique.Make(k), values: r.values, dues: r.dues, number: r.number}
	if r.concerns != nil {
		out.concerns = &concerned{reporters: r.concerns.reporters}
		for _, id := range r.concerns.platforms {
			if his(id) {
				out.concerns.platforms = append(out.concerns.platforms, id)
			}
		}
	}
	return &out
}

// Incident is as much of the incident as tells whom it concerns.
func (r *Row) Incident() incident.Incident {
	i := incident.Incident{ID: r.ID(), Identity: model.Labels{}, Policy: r.kind.Value().policy, Scenario: r.Scenario()}
	for name := range strings.SplitSeq(r.kind.Value().labels, apart) {
		i.Identity[name] = r.Label(name)
	}
	if r.concerns != nil {
		for _, by := range r.concerns.reporters {
			i.Reports = append(i.Reports, model.Signal{By: by})
		}
	}
	for _, p := range r.Platforms() {
		i.Reports = append(i.Reports, model.Signal{Labels: model.Labels{model.LabelPlatform: p}})
	}
	return i
}

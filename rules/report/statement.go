package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/policy"
)

// Statement says of a month how the targets were kept.
type Statement struct {
	Month string `json:"month"`
	Scope
	From time.Time `json:"from"`
	To   time.Time `json:"to"` // not part of it
	Zone string    `json:"zone"`

	Opened   int      `json:"incidents_opened"`
	Ended    int      `json:"incidents_ended"`
	Open     int      `json:"incidents_open_at_end"`
	Met      int      `json:"targets_met"`
	Missed   int      `json:"targets_missed"`
	Excused  int      `json:"targets_excused"`
	Policies []string `json:"policies"` // hashes

	Targets    []TargetRow    `json:"targets"`
	Breaches   []Breach       `json:"breaches"`
	Excuses    []Breach       `json:"excused"`
	Guarantees []GuaranteeRow `json:"guarantees"`
	// Unavailability is there for months that are over, of platforms whose probes
	// were read.
	Unavailability []Unavailability `json:"unavailability"`
	Integrity      Integrity        `json:"integrity"`
	Restorations   []RestorationRow `json:"restorations"`
	Causes         []CauseRow       `json:"causes"`

	titles map[string]policy.Scenario // by name
}

// AsOf is the instant that its words refer to: the end of its month.
func (s *Statement) AsOf() time.Time { return s.To.Add(-time.Second) }

// Decided is how many targets were decided, those excused left out.
func (s *Statement) Decided() int { return s.Met + s.Missed }

// Title is what a scenario is called, in a language.
func (s *Statement) Title(language, scenario string) string {
	known := s.titles[scenario]
	return cmp.Or(known.Title.In(language), strings.ReplaceAll(scenario, "_", " "))
}

// TargetRow is how one target was kept at one severity and level of service.
type TargetRow struct {
	Scenario string `json:"scenario"`
	Target   string `json:"target"`
	Severity string `json:"severity,omitempty"`
	Level    string `json:"level,omitempty"`
	// Delay is what was promised, by the newest of the incidents' policies.
	Delay   *policy.Delay `json:"-"`
	Within  string        `json:"within,omitempty"` // the same as a policy has it
	Met     int           `json:"met"`
	Missed  int           `json:"missed"`
	Excused int           `json:"excused"`
	// Median and Longest are working time without pauses that was used, of what was
	// done; absent where nothing was.
	Median  *float64 `json:"used_median_seconds,omitempty"`
	Longest *float64 `json:"used_longest_seconds,omitempty"`
	used    []time.Duration
	order   int
}

// Breach is a target that was missed, or whose time was over without being owed.
type Breach struct {
	Incident string    `json:"incident"`
	Number   int       `json:"number"`
	Customer string    `json:"customer,omitempty"`
	Machine  string    `json:"machine,omitempty"`
	Platform string    `json:"platform,omitempty"`
	Scenario string    `json:"scenario"`
	Target   string    `json:"target"`
	Severity string    `json:"severity,omitempty"`
	Level    string    `json:"level,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Done     time.Time `json:"done_at,omitzero"` // absent: not by the end of the month
	// Used is the working time without pauses that it took.
	Used  *float64 `json:"used_seconds,omitempty"`
	Cause string   `json:"cause,omitempty"`
}

// GuaranteeRow is how long a level of service held in the month.
type GuaranteeRow struct {
	Level   string  `json:"level"`
	Seconds float64 `json:"held_seconds"`
	Opened  int     `json:"incidents_opened"`
	text    policy.Guarantee
}

// Text is what the level promises, in a language.
func (g GuaranteeRow) Text(language string) string { return g.text.Text.In(language) }

// Integrity is what was said of the data when incidents were resolved.
type Integrity struct {
	None int    `json:"none_lost"`
	Lost []Loss `json:"lost"`
}

// Loss is data that was lost; each is a breach.
type Loss struct {
	Incident string    `json:"incident"`
	Number   int       `json:"number"`
	At       time.Time `json:"at"`
	What     string    `json:"what,omitempty"`
}

// RestorationRow is a restore that was begun or proven in the month.
type RestorationRow struct {
	Incident string    `json:"incident"`
	Number   int       `json:"number"`
	Customer string    `json:"customer,omitempty"`
	Machine  string    `json:"machine,omitempty"`
	Platform string    `json:"platform,omitempty"`
	Begun    time.Time `json:"begun_at"`
	Verified time.Time `json:"verified_at,omitzero"`
	Seconds  *float64  `json:"elapsed_seconds,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Outcome  Outcome   `json:"outcome,omitempty"` // absent: not decided in the month, or not owed
}

// CauseRow counts the incidents that ended by a cause.
type CauseRow struct {
	Cause     string `json:"cause"` // empty: none was named
	Incidents int    `json:"incidents"`
	Customer  bool   `json:"customers_own,omitempty"`
	text      policy.Cause
}

// Text is the cause in a language; "" where the policy has no words for it.
func (c CauseRow) Text(language string) string { return c.text.Text.In(language) }

// Sources are what a statement is made from beside the cases.
type Sources struct {
	// Policy is a policy by its hash, nil when it is not known any more.
	Policy func(hash string) *policy.Policy
	// InForce is the policy whose levels of service hold where no incident of the month
	// names another.
	InForce *policy.Policy
	// Calendar is a calendar of a policy with the closures that are known.
	Calendar func(p *policy.Policy, name string) *calendar.Calendar
	Zone     *time.Location
	// Unavailability is what the months of platforms came to, of any month.
	Unavailability []Unavailability
}

// StatementOf makes the statement of a month; cases may be in any order.
func StatementOf(m Month, scope Scope, cases []Case, from Sources) *Statement {
	s := &Statement{Month: m.Name, Scope: scope, From: m.From, To: m.To, Zone: from.Zone.String(), Policies: []string{}, Targets: []TargetRow{}, Breaches: []Breach{},
		Excuses: []Breach{}, Guarantees: []GuaranteeRow{}, Integrity: Integrity{Lost: []Loss{}}, Restorations: []RestorationRow{}, Causes: []CauseRow{}, titles: map[string]policy.Scenario{},
		Unavailability: unavailabilities(from.Unavailability, m.Name, scope)}
	b := builder{Statement: s, month: m, from: from, rows: map[TargetKey]*TargetRow{}, causes: map[string]*CauseRow{}, opened: map[string]int{}}
	cases = slices.Clone(cases)
	slices.SortStableFunc(cases, func(a, b Case) int { return cmp.Compare(a.Number, b.Number) })
	cases = slices.DeleteFunc(cases, func(c Case) bool { return !scope.Has(c) })
	b.newest(cases)
	for _, c := range cases {
		b.add(c)
	}
	b.finish()
	return s
}

// newest goes by the newest of the policies under which incidents of the month were
// opened: what is in force when the report is made may be another one.
func (b *builder) newest(cases []Case) {
	var found *policy.Policy
	for _, c := range cases {
		p := b.from.Policy(c.Policy)
		if p == nil || !b.in(c.Opened) {
			continue
		}
		if found == nil || cmp.Or(p.EffectiveFrom.Compare(found.EffectiveFrom), cmp.Compare(p.Hash, found.Hash)) > 0 {
			found = p
		}
	}
	if found != nil {
		b.from.InForce = found
	}
}

// TargetKey tells rows of targets apart.
type TargetKey struct{ Scenario, Target, Severity, Level string }

type builder struct {
	*Statement
	month  Month
	from   Sources
	rows   map[TargetKey]*TargetRow
	causes map[string]*CauseRow
	opened map[string]int // incidents, by the level that held
}

func (b *builder) in(t time.Time) bool { return within(t, b.month.From, b.month.To) }

// add takes in one incident.
func (b *builder) add(c Case) {
	h := historyOf(c, b.month.To)
	if !h.touched(b.month.From, b.month.To) {
		return
	}
	if !slices.Contains(b.Policies, c.Policy) {
		b.Policies = append(b.Policies, c.Policy)
	}
	if p := b.from.Policy(c.Policy); p != nil && p.Scenario(c.Scenario) != nil {
		b.titles[c.Scenario] = *p.Scenario(c.Scenario)
	}
	if b.in(c.Opened) {
		b.Opened++
		b.opened[b.levelAt(c.Opened)]++
	}
	if last := h.open[len(h.open)-1]; last.to.IsZero() {
		b.Open++
	} else if b.in(last.to) {
		b.Ended++
		b.cause(c, h.cause)
	}
	for _, v := range h.verdicts {
		if b.in(v.at) {
			b.verdict(c, v)
		}
	}
	b.restored(c, h)
	for _, i := range h.integrity {
		b.integrity(c, i)
	}
}

func (b *builder) cause(c Case, cause string) {
	if c.Kept {
		cause = ""
	}
	row := b.causes[cause]
	if row == nil {
		row = &CauseRow{Cause: cause}
		b.causes[cause] = row
	}
	row.Incidents++
	if p := b.from.Policy(c.Policy); p != nil && cause != "" {
		row.text = p.Causes[cause]
		row.Customer = row.text.Customer
	}
}

func (b *builder) verdict(c Case, v verdict) {
	severity := cmp.Or(v.Severity, c.Severity)
	key := TargetKey{c.Scenario, v.target, severity, v.Level}
	row := b.rows[key]
	if row == nil {
		row = &TargetRow{Scenario: key.Scenario, Target: key.Target, Severity: key.Severity, Level: key.Level, order: len(b.rows)}
		b.rows[key] = row
	}
	row.promised(b.from.Policy(c.Policy))
	if v.HasUsed {
		row.used = append(row.used, v.Used)
	}
	br := Breach{Incident: c.ID, Number: c.Number, Customer: c.Customer, Machine: c.Machine, Platform: c.Platform, Scenario: c.Scenario, Target: v.target, Severity: severity,
		Level: v.Level, Due: v.Due, Done: v.done, Cause: v.cause, Used: seconds(v.Used, v.HasUsed)}
	switch v.outcome {
	case Met:
		row.Met++
		b.Met++
	case Missed:
		row.Missed++
		b.Missed++
		b.Breaches = append(b.Breaches, br)
	case Excused:
		row.Excused++
		b.Excused++
		b.Excuses = append(b.Excuses, br)
	}
}

func seconds(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	s := d.Seconds()
	return &s
}

// promised fills in what the policy promises of a target.
func (r *TargetRow) promised(p *policy.Policy) {
	if p == nil {
		return
	}
	s := p.Scenario(r.Scenario)
	if s == nil {
		return
	}
	i := slices.IndexFunc(s.Targets, func(t *policy.Target) bool { return t.Name == r.Target })
	if i < 0 {
		return
	}
	t := s.Targets[i]
	if r.Delay = t.Default; t.BySeverity != nil {
		r.Delay = nil
		for rank := slices.Index(s.Severity.Order, r.Severity); rank >= 0 && r.Delay == nil; rank-- {
			r.Delay = t.BySeverity[s.Severity.Order[rank]]
		}
	}
	switch {
	case r.Delay == nil:
		r.Within = ""
	case r.Delay.Business != nil:
		r.Within = r.Delay.Business.String()
	default:
		r.Within = r.Delay.Elapsed.String()
	}
}

func (b *builder) restored(c Case, h history) {
	for _, r := range h.restorations {
		if !b.in(r.from) && !(b.in(r.to) && !r.to.IsZero()) {
			continue
		}
		row := RestorationRow{Incident: c.ID, Number: c.Number, Customer: c.Customer, Machine: c.Machine, Platform: c.Platform, Begun: r.from, Verified: r.to,
			Seconds: seconds(r.to.Sub(r.from), !r.to.IsZero())}
		for _, v := range h.verdicts {
			if v.From.Equal(r.from) && !v.Due.IsZero() {
				row.Due, row.Outcome = v.Due, v.outcome
			}
		}
		b.Restorations = append(b.Restorations, row)
	}
}

func (b *builder) integrity(c Case, i integrity) {
	switch {
	case !b.in(i.at):
	case i.said == "none":
		b.Integrity.None++
	default:
		l := Loss{Incident: c.ID, Number: c.Number, At: i.at, What: i.said}
		if c.Kept {
			l.What = ""
		}
		b.Integrity.Lost = append(b.Integrity.Lost, l)
	}
}

// finish puts everything into its order.
func (b *builder) finish() {
	slices.Sort(b.Policies)
	for _, row := range b.rows {
		if n := len(row.used); n > 0 {
			slices.Sort(row.used)
			row.Median, row.Longest = seconds(row.used[(n-1)/2], true), seconds(row.used[n-1], true)
		}
		b.Targets = append(b.Targets, *row)
	}
	slices.SortFunc(b.Targets, func(x, y TargetRow) int {
		return cmp.Or(cmp.Compare(b.place(x), b.place(y)), cmp.Compare(x.Scenario, y.Scenario), cmp.Compare(x.Target, y.Target),
			cmp.Compare(b.rank(y), b.rank(x)), cmp.Compare(x.Severity, y.Severity), cmp.Compare(x.Level, y.Level))
	})
	byDue := func(x, y Breach) int {
		return cmp.Or(x.Due.Compare(y.Due), cmp.Compare(x.Number, y.Number), cmp.Compare(x.Target, y.Target))
	}
	slices.SortStableFunc(b.Breaches, byDue)
	slices.SortStableFunc(b.Excuses, byDue)
	slices.SortStableFunc(b.Restorations, func(x, y RestorationRow) int {
		return cmp.Or(x.Begun.Compare(y.Begun), cmp.Compare(x.Number, y.Number))
	})
	for _, row := range b.causes {
		b.Causes = append(b.Causes, *row)
	}
	slices.SortFunc(b.Causes, func(x, y CauseRow) int {
		return cmp.Or(cmp.Compare(y.Incidents, x.Incidents), cmp.Compare(x.Cause, y.Cause))
	})
	b.zone()
	b.guarantees()
}

// place is where a target stands in the policy in force.
func (b *builder) place(r TargetRow) int {
	for n, s := range b.from.InForce.Scenarios {
		if s.Name == r.Scenario {
			return n*1000 + slices.IndexFunc(s.Targets, func(t *policy.Target) bool { return t.Name == r.Target })
		}
	}
	return len(b.from.InForce.Scenarios) * 1000
}

// rank is how grave the severity of a row is.
func (b *builder) rank(r TargetRow) int {
	if s := b.from.InForce.Scenario(r.Scenario); s != nil {
		return slices.Index(s.Severity.Order, r.Severity)
	}
	return -1
}

// zone writes every instant in the zone of the report.
func (b *builder) zone() {
	in := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.In(b.from.Zone)
		}
	}
	for _, list := range [][]Breach{b.Breaches, b.Excuses} {
		for i := range list {
			in(&list[i].Due)
			in(&list[i].Done)
		}
	}
	for i := range b.Restorations {
		r := &b.Restorations[i]
		in(&r.Begun)
		in(&r.Verified)
		in(&r.Due)
	}
	for i := range b.Integrity.Lost {
		in(&b.Integrity.Lost[i].At)
	}
}

// levelAt is the level of service that held at an instant.
func (b *builder) levelAt(at time.Time) string {
	p := b.from.InForce
	i := p.LevelInForce(func(name string) bool {
		c := b.from.Calendar(p, name)
		return c != nil && c.IsOpen(at)
	})
	if i < 0 {
		return ""
	}
	return p.Guarantees[i].Level
}

// guarantees adds up how long each level held.
func (b *builder) guarantees() {
	p := b.from.InForce
	held := map[string]time.Duration{}
	bounds := b.bounds()
	for i, to := range bounds[1:] {
		held[b.levelAt(bounds[i])] += to.Sub(bounds[i])
	}
	for _, g := range p.Guarantees {
		b.Guarantees = append(b.Guarantees, GuaranteeRow{Level: g.Level, Seconds: held[g.Level].Seconds(), Opened: b.opened[g.Level], text: g})
	}
}

// bounds are the instants of the month at which the level of service may change,
// its begin and its end among them.
func (b *builder) bounds() []time.Time {
	at := []time.Time{b.month.From, b.month.To}
	for _, g := range b.from.InForce.Guarantees {
		c := b.from.Calendar(b.from.InForce, g.Calendar)
		if c == nil {
			continue
		}
		for d := c.Date(b.month.From); d.Compare(c.Date(b.month.To)) <= 0; d = d.AddDays(1) {
			for _, w := range c.Windows(d) {
				at = append(at, c.At(d, w.Opens), c.At(d, w.Closes))
			}
		}
	}
	at = slices.DeleteFunc(at, func(t time.Time) bool { return t.Before(b.month.From) || t.After(b.month.To) })
	slices.SortFunc(at, time.Time.Compare)
	return slices.CompactFunc(at, time.Time.Equal)
}

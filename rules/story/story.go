package story

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/calendar"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Story is a sequence of outside events, and until when the rules are played.
type Story struct {
	At     strict.Position
	Start  moment  `yaml:"start"`
	Until  moment  `yaml:"until"`
	Events []event `yaml:"events"`
}

// event is one thing that happens outside; exactly one of its kinds is set.
type event struct {
	Where        strict.Position
	At           moment        `yaml:"at"`
	Fires        *alertDoc     `yaml:"fires"`
	Clears       selector      `yaml:"clears"`
	Success      selector      `yaml:"success"`
	Evidence     *evidenceDoc  `yaml:"evidence"`
	Act          *actDoc       `yaml:"act"`
	Silence      *silenceDoc   `yaml:"silence"`
	Report       *reportDoc    `yaml:"report"`
	Maintenance  *workDoc      `yaml:"maintenance"`
	Absence      *absenceDoc   `yaml:"absence"`
	Rota         *rotaDoc      `yaml:"rota"`
	Contact      *contactDoc   `yaml:"contact"`
	SMTP         *smtpDoc      `yaml:"smtp"`
	Alertmanager *alertmanager `yaml:"alertmanager"`
	Probe        *probeDoc     `yaml:"probe"`
}

// kinds says which kinds of event are set.
func (e *event) kinds() []string {
	var set []string
	for _, k := range [...]struct {
		name string
		set  bool
	}{
		{"fires", e.Fires != nil}, {"clears", e.Clears != nil}, {"success", e.Success != nil}, {"evidence", e.Evidence != nil},
		{"act", e.Act != nil}, {"silence", e.Silence != nil}, {"report", e.Report != nil}, {"maintenance", e.Maintenance != nil},
		{"absence", e.Absence != nil}, {"rota", e.Rota != nil}, {"contact", e.Contact != nil}, {"smtp", e.SMTP != nil},
		{"alertmanager", e.Alertmanager != nil}, {"probe", e.Probe != nil},
	} {
		if k.set {
			set = append(set, k.name)
		}
	}
	return set
}

// The kinds of event with fixed keys.
type (
	silenceDoc struct {
		Where    strict.Position
		Matchers []string `yaml:"matchers"`
		By       string   `yaml:"by"`
		Comment  string   `yaml:"comment"`
		Until    moment   `yaml:"until"`

		parsed model.Matchers
	}

	reportDoc struct {
		Kind       string `yaml:"kind"`
		Platform   string `yaml:"platform"`
		By         string `yaml:"by"`
		Severity   string `yaml:"severity"`
		Text       string `yaml:"text"`
		Means      string `yaml:"means"`
		ReceivedAt moment `yaml:"received_at"`
	}

	workDoc struct {
		Platform   string `yaml:"platform"`
		Customer   string `yaml:"customer"`
		Machine    string `yaml:"machine"`
		From       moment `yaml:"from"`
		To         moment `yaml:"to"`
		DeclaredAt moment `yaml:"declared_at"`
	}

	absenceDoc struct {
		Person   string `yaml:"person"`
		Customer string `yaml:"customer"`
		Machine  string `yaml:"machine"`
		From     moment `yaml:"from"`
		To       moment `yaml:"to"`
	}

	rotaDoc struct {
		Role   string `yaml:"role"`
		Person string `yaml:"person"`
		From   moment `yaml:"from"`
		To     moment `yaml:"to"`
	}

	// contactDoc changes a person, or whom a customer, machine or platform
	// names. A key that is not given stays as it was; an empty value clears it.
	contactDoc struct {
		Person   *string `yaml:"person"`
		Name     *string `yaml:"name"`
		Email    *string `yaml:"email"`
		Phone    *string `yaml:"phone"`
		Language *string `yaml:"language"`

		Customer       *string `yaml:"customer"`
		AccountManager *string `yaml:"account_manager"`
		ITContact      *string `yaml:"it_contact"`
		Prefers        *string `yaml:"prefers"`

		Machine *string `yaml:"machine"`
		User    *string `yaml:"user"`

		Platform    *string   `yaml:"platform"`
		Managers    *[]string `yaml:"managers"`
		Operators   *[]string `yaml:"operators"`
		Level3      *[]string `yaml:"level3"`
		ServiceLead *[]string `yaml:"service_lead"`
	}

	smtpDoc struct {
		DownUntil moment `yaml:"down_until"`
		Refuse    string `yaml:"refuse"`
	}

	alertmanager struct {
		UnreachableUntil moment `yaml:"unreachable_until"`
	}
)

// probeDoc says what a platform's probes answer from this event on.
type probeDoc struct {
	Platform string `yaml:"platform"`
	State    string `yaml:"state"` // up, down or unknown: nobody probes, or can be asked
}

// selector is a set of labels; it matches whatever contains it.
type selector map[string]string

func (s selector) labels() model.Labels { return model.Labels(s) }

func (s selector) String() string { return model.Labels(s).String() }

// alertDoc is an alert's label set, with startsAt and annotations beside it.
type alertDoc struct {
	labels      model.Labels
	annotations map[string]string
	startsAt    moment
}

// UnmarshalStrict reads the label set; only startsAt and annotations are not labels.
func (a *alertDoc) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	a.labels = model.Labels{}
	return eachKey(n, "fires", d, func(k, v *yaml.Node) {
		switch k.Value {
		case "startsAt":
			d.Into(v, &a.startsAt, "fires.startsAt")
		case "annotations":
			d.Into(v, &a.annotations, "fires.annotations")
		default:
			var value string
			d.Into(v, &value, "fires."+k.Value)
			a.labels[k.Value] = value
		}
	})
}

// evidenceDoc states what Prometheus would answer for the matching plans.
type evidenceDoc struct {
	selector selector
	state    model.EvidenceState
}

var evidenceStates = []string{
	string(model.EvidenceOK), string(model.EvidenceDegraded), string(model.EvidenceKO),
	string(model.EvidenceNone), string(model.EvidenceUnknown),
}

// UnmarshalStrict reads a selector and a state.
func (e *evidenceDoc) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	e.selector = selector{}
	err := eachKey(n, "evidence", d, func(k, v *yaml.Node) {
		var value string
		d.Into(v, &value, "evidence."+k.Value)
		if k.Value == "state" {
			e.state = model.EvidenceState(value)
		} else {
			e.selector[k.Value] = value
		}
	})
	if err == nil && !slices.Contains(evidenceStates, string(e.state)) {
		d.Fault(n, "evidence.state", "%q is not a state: write one of %s", e.state, strings.Join(evidenceStates, ", "))
	}
	return err
}

// actDoc is a person's act; what is not verb, by, incident or force is a field of it.
type actDoc struct {
	verb, by string
	incident selector
	force    bool
	external bool
	fields   model.Labels
}

// UnmarshalStrict reads an act and its fields.
func (a *actDoc) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	a.fields = model.Labels{}
	err := eachKey(n, "act", d, func(k, v *yaml.Node) {
		switch k.Value {
		case "verb":
			d.Into(v, &a.verb, "act.verb")
		case "by":
			d.Into(v, &a.by, "act.by")
		case "incident":
			d.Into(v, &a.incident, "act.incident")
		case "force":
			d.Into(v, &a.force, "act.force")
		case "external":
			d.Into(v, &a.external, "act.external")
		default:
			a.field(k, v, d)
		}
	})
	if err != nil {
		return err
	}
	if !slices.Contains(rules.Verbs(), a.verb) {
		d.Fault(n, "act.verb", "unknown act %q%s", a.verb, didYouMean(a.verb, rules.Verbs()))
	} else {
		a.checkFields(n, d)
	}
	if a.by == "" {
		d.Fault(n, "act.by", "missing: write the id of the person who acts")
	}
	if len(a.incident) == 0 {
		d.Fault(n, "act.incident", "missing: write labels that only one open incident has, such as {customer: dupont, machine: SRV-AD, backup_role: primary}")
	}
	return nil
}

func (a *actDoc) field(k, v *yaml.Node, d *strict.Decoder) {
	if !slices.Contains(act.FieldNames(), k.Value) {
		known := append([]string{"by", "external", "force", "incident", "verb"}, act.FieldNames()...)
		d.Fault(k, "act", "unknown key %q%s", k.Value, didYouMean(k.Value, known))
		return
	}
	var value string
	d.Into(v, &value, "act."+k.Value)
	a.fields[k.Value] = value
}

// checkFields faults the fields that this act does not have.
func (a *actDoc) checkFields(n *yaml.Node, d *strict.Decoder) {
	row, _ := act.Of(a.verb)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if _, given := a.fields[name]; !given {
			continue
		}
		if f, has := row.Field(name); !has || f.Internal {
			d.Fault(n.Content[i], "act", "%s", row.Unknown(name))
		}
	}
}

// eachKey visits the keys of a mapping and refuses a key that stands twice. Keys merged
// in by `<<` come last, and those of the mapping itself win.
func eachKey(n *yaml.Node, path string, d *strict.Decoder, visit func(k, v *yaml.Node)) error {
	return unseenKeys(n, path, d, map[string]bool{}, 0, visit)
}

// unseenKeys visits the keys that are not in taken yet, and adds them.
func unseenKeys(n *yaml.Node, path string, d *strict.Decoder, taken map[string]bool, depth int, visit func(k, v *yaml.Node)) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode || depth > 9 {
		return errors.New("expected keys and values, such as {customer: dupont, machine: SRV-AD}")
	}
	var merged []*yaml.Node
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Tag == "!!merge" && v.Kind == yaml.SequenceNode:
			merged = append(merged, v.Content...)
		case k.Tag == "!!merge":
			merged = append(merged, v)
		case own[k.Value]:
			d.Fault(k, path, "key %q stands twice: keep one", k.Value)
		default:
			if own[k.Value] = true; !taken[k.Value] {
				taken[k.Value] = true
				visit(k, v)
			}
		}
	}
	for _, m := range merged {
		if err := unseenKeys(m, path, d, taken, depth+1, visit); err != nil {
			return err
		}
	}
	return nil
}

func didYouMean(wrong string, known []string) string {
	if best := strict.Nearest(wrong, known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known are " + strings.Join(known, ", ")
}

// moment is an instant, or a whole day until its zone is known.
type moment struct {
	at  time.Time
	day calendar.Date
}

// UnmarshalScalar reads an instant in whole seconds, or a date.
func (m *moment) UnmarshalScalar(text string) (err error) {
	if d, dateErr := calendar.ParseDate(text); dateErr == nil {
		m.day = d
		return nil
	}
	m.at, err = strict.ParseTime(text)
	if err == nil && m.at.Nanosecond() != 0 {
		return fmt.Errorf("%q has a part of a second: stories are told in whole seconds", text)
	}
	return err
}

func (m moment) isZero() bool { return m.at.IsZero() && m.day == calendar.Date{} }

// in is the instant, or the beginning of the day, in a zone.
func (m moment) in(zone *time.Location) time.Time {
	if (m.day == calendar.Date{}) {
		if m.at.IsZero() {
			return m.at
		}
		return m.at.In(zone)
	}
	return time.Date(m.day.Year, m.day.Month, m.day.Day, 0, 0, 0, 0, zone)
}

// endIn is the instant, or the end of the day, in a zone.
func (m moment) endIn(zone *time.Location) time.Time {
	if (m.day != calendar.Date{}) {
		m.day = m.day.AddDays(1)
	}
	return m.in(zone)
}

// Parse reads a story strictly. The error is of type [strict.Faults]: all
// faults at once, each with its line and cure.
func Parse(file string, text []byte) (*Story, error) {
	s := &Story{}
	if err := strict.Decode(file, text, s); err != nil {
		return nil, err
	}
	if s.At.Line == 0 {
		s.At = strict.Position{File: file, Line: 1}
	}
	var c checker
	c.story(s)
	sort.SliceStable(c.faults, func(i, j int) bool { return c.faults[i].Line < c.faults[j].Line })
	if err := c.faults.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// checker collects what is wrong beyond keys and types.
type checker struct{ faults strict.Faults }

func (c *checker) fault(at strict.Position, path, format string, args ...any) {
	c.faults = append(c.faults, strict.Fault{Position: at, Path: path, What: fmt.Sprintf(format, args...)})
}

func (c *checker) story(s *Story) {
	if s.Start.isZero() {
		c.fault(s.At, "start", "missing: write when the story begins, such as 2026-03-09T07:00:00+01:00")
	}
	if s.Until.isZero() {
		c.fault(s.At, "until", "missing: write how long to look on, such as 2026-03-20T19:00:00+01:00")
	}
	for i := range s.Events {
		c.event(&s.Events[i], fmt.Sprintf("events[%d]", i))
	}
}

func (c *checker) event(e *event, path string) {
	if e.At.isZero() {
		c.fault(e.Where, path+".at", "missing: write when it happens")
	}
	switch set := e.kinds(); len(set) {
	case 1:
	case 0:
		c.fault(e.Where, path, "nothing happens: write one of fires, clears, success, evidence, act, silence, report, maintenance, absence, rota, contact, smtp, alertmanager, probe")
	default:
		c.fault(e.Where, path, "%s at once: write them as events of their own, in their order", strings.Join(set, " and "))
	}
	need := func(missing bool, key, cure string) {
		if missing {
			c.fault(e.Where, path+"."+key, "missing: %s", cure)
		}
	}
	switch {
	case e.Fires != nil:
		need(e.Fires.labels[model.LabelAlertname] == "", "fires.alertname", "an alert is its full label set")
	case e.Clears != nil:
		need(len(e.Clears) == 0, "clears", "write labels of the alerts that end")
	case e.Success != nil:
		need(len(e.Success) == 0, "success", "write labels of the plans that succeed")
	case e.Evidence != nil:
		need(len(e.Evidence.selector) == 0, "evidence", "write labels of the plans that it speaks of")
	case e.Silence != nil:
		c.silence(e, path, need)
	case e.Report != nil:
		need(e.Report.Kind == "", "report.kind", "write by which door it comes, such as l2_voluntary")
	case e.Probe != nil:
		need(e.Probe.Platform == "", "probe.platform", "write which platform is probed")
		if states := []string{"up", "down", "unknown"}; !slices.Contains(states, e.Probe.State) {
			c.fault(e.Where, path+".probe.state", "%q is not a state: write one of %s", e.Probe.State, strings.Join(states, ", "))
		}
	case e.Maintenance != nil:
		m := e.Maintenance
		need(m.Platform == "" && m.Customer == "" && m.Machine == "", "maintenance", "name a platform, a customer or a machine")
		need(m.From.isZero() || m.To.isZero(), "maintenance", "write `from:` and `to:`")
	case e.Absence != nil:
		need(e.Absence.Person == "" && e.Absence.Customer == "" && e.Absence.Machine == "", "absence", "name a customer or a machine, or a person")
		need(e.Absence.From.isZero() || e.Absence.To.isZero(), "absence", "write `from:` and `to:`")
	case e.Rota != nil:
		need(e.Rota.Role == "", "rota.role", "write the role whose duty changes")
		need(e.Rota.Person == "", "rota.person", "write the id of a person, or `nobody` for a gap")
	case e.SMTP != nil:
		need(e.SMTP.DownUntil.isZero() == (e.SMTP.Refuse == ""), "smtp", "write either `down_until:` or `refuse:`")
		if what := inventory.WrongAddress(e.SMTP.Refuse); what != "" {
			c.fault(e.Where, path+".smtp.refuse", "%s", what)
		}
	case e.Alertmanager != nil:
		need(e.Alertmanager.UnreachableUntil.isZero(), "alertmanager.unreachable_until", "write when it can be reached again")
	}
}

func (c *checker) silence(e *event, path string, need func(bool, string, string)) {
	s := e.Silence
	need(len(s.Matchers) == 0, "silence.matchers", `write at least one, such as 'machine="SRV-AD"'`)
	need(s.By == "", "silence.by", "write who silences")
	need(s.Until.isZero(), "silence.until", "write when it ends")
	var err error
	if s.parsed, err = model.ParseMatchers(s.Matchers); err != nil {
		c.fault(s.Where, path+".silence.matchers", "%s; write them as in Alertmanager, such as 'machine=\"SRV-AD\"'", err)
	}
}

package dashboards

import "fmt"

// Options are what a board knows of the place where it is shown.
type Options struct {
	Language Language
	// Vigie and Alertmanager are the addresses that a browser reaches them
	// under, Runbooks is where the page of an alert lies; without a slash at
	// the end.
	Vigie, Alertmanager, Runbooks string
}

// Defaults are the addresses of the example configurations.
func Defaults(l Language) Options {
	return Options{Language: l, Vigie: "http://127.0.0.1:9095", Alertmanager: "http://127.0.0.1:9093", Runbooks: "https://vigie.example/runbooks"}
}

// All makes every board, the most important first.
func All(o Options) []Dashboard {
	var all []Dashboard
	for _, draw := range []func(Options) *board{fleet, customer, machine, calendar, today, sla, storage, month, chain} {
		all = append(all, draw(o).d)
	}
	return all
}

// columns is the width of Grafana's grid.
const columns = 24

// board is a dashboard that is being drawn: panels flow from left to right and
// begin a new line where they no longer fit.
type board struct {
	l       Language
	d       Dashboard
	x, y, h int
}

func newBoard(o Options, id, title, description, from string) *board {
	l := o.Language
	b := &board{l: l, d: Dashboard{
		UID: l.uid(id), Title: title, Description: description, Tags: []string{"vigie", l.tag()},
		Timezone: "browser", GraphTooltip: 1, SchemaVersion: 39, Refresh: "1m", Time: TimeRange{from, "now"},
		Links: []BoardLink{{Type: "dashboards", Title: "Vigie", Icon: "external link", Tags: []string{l.tag()}, AsDropdown: true, IncludeVars: true, KeepTime: true}},
	}}
	b.variable(Variable{Name: "datasource", Type: "datasource", Label: l.say("Data source", "Source de données"), Query: "prometheus", Refresh: 1})
	for _, c := range []struct{ name, value string }{{"vigie", o.Vigie}, {"alertmanager", o.Alertmanager}, {"runbooks", o.Runbooks}} {
		b.variable(Variable{Name: c.name, Type: "constant", Hide: 2, Query: c.value,
			Current: &Option{Selected: true, Text: c.value, Value: c.value}, Options: []Option{{true, c.value, c.value}}})
	}
	b.annotate()
	return b
}

func prometheus() Datasource { return Datasource{Type: "prometheus", UID: "${datasource}"} }

// annotate marks what else happened: incidents, silences, changed policies.
func (b *board) annotate() {
	mark := func(name, colour, title, expr string, atValue bool) {
		b.d.Annotations.List = append(b.d.Annotations.List, Annotation{Name: name, Datasource: prometheus(), Enable: true, IconColor: colour,
			Expr: expr, Step: "60s", TitleFormat: title, UseValueForTime: atValue})
	}
	say := b.l.say
	mark(say("Incidents", "Incidents"), red, say("Incident opened: {{scenario}}", "Incident ouvert : {{scenario}}"),
		counted("vigie_incidents_opened_total", "2m", "scenario")+" > 0", false)
	mark(say("Silences", "Silences"), blue, say("Silences in force", "Silences en vigueur"), `max(alertmanager_silences{state="active"}) > 0`, false)
	mark(say("Policy changes", "Changements de politique"), purple, say("Configuration taken over", "Configuration prise en compte"),
		"max(vigie_config_last_reload_success_timestamp_seconds) * 1000", true)
}

func (b *board) variable(v Variable) { b.d.Templating.List = append(b.d.Templating.List, v) }

// choose lets a person pick values of a label; all of them where many is set.
func (b *board) choose(name, label, query string, many bool) {
	d := prometheus()
	v := Variable{Name: name, Type: "query", Label: label, Datasource: &d, Refresh: 2, Sort: 1,
		Query: map[string]any{"qryType": 1, "query": query, "refId": "variable-" + name}}
	if many {
		v.Multi, v.IncludeAll, v.AllValue = true, true, ".+"
		v.Current = &Option{true, []string{"All"}, []string{"$__all"}}
	}
	b.variable(v)
}

func (b *board) chooseCustomer(many bool) {
	b.choose("customer", b.l.say("Customer", "Client"), "label_values(backup_job:state, customer)", many)
}

// add places a panel.
func (b *board) add(w, h int, p Panel) {
	if b.x+w > columns {
		b.x, b.y, b.h = 0, b.y+b.h, 0
	}
	p.ID, p.Datasource = len(b.d.Panels)+1, prometheus()
	p.GridPos = GridPos{H: h, W: w, X: b.x, Y: b.y}
	b.x, b.h = b.x+w, max(b.h, h)
	if p.FieldConfig.Overrides == nil {
		p.FieldConfig.Overrides = []Override{}
	}
	if p.FieldConfig.Defaults.NoValue == "" {
		p.FieldConfig.Defaults.NoValue = b.l.say("unknown", "inconnu")
	}
	b.d.Panels = append(b.d.Panels, p)
}

// ask is one query with the name of its line.
type ask struct{ expr, legend string }

func targets(format string, instant bool, asks []ask) []Target {
	var out []Target
	for i, a := range asks {
		out = append(out, Target{RefID: string(rune('A' + i)), Datasource: prometheus(), EditorMode: "code", Expr: a.expr,
			Instant: instant, Range: !instant, Format: format, LegendFormat: a.legend})
	}
	return out
}

// link leads to another board of the same language, with values of the row.
func (b *board) link(title, id string, fields ...string) DataLink {
	u := "/d/" + b.l.uid(id) + "?var-datasource=${datasource}"
	for _, f := range fields {
		u += fmt.Sprintf("&var-%s=${__data.fields.%s:percentencode}", f, f)
	}
	return DataLink{Title: title, URL: u}
}

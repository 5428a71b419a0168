package dashboards

import "fmt"

// Panels of the few kinds that the boards are made of.

// steps colour a number from each value on. What is below the first, and what
// is not known, has no colour.
func steps(colours ...any) *Thresholds {
	t := &Thresholds{Mode: "absolute", Steps: []Threshold{{Color: plain}}}
	for i := 0; i+1 < len(colours); i += 2 {
		v := colours[i].(float64)
		t.Steps = append(t.Steps, Threshold{Color: colours[i+1].(string), Value: &v})
	}
	return t
}

// none is right where the number should be zero.
func none() *Thresholds { return steps(0.0, green, 1.0, red) }

//go:fix inline
func ptr(v float64) *float64 { return new(v) }

// stat shows one number a line of the answer.
func (b *board) stat(w, h int, title, description string, f FieldDefaults, asks ...ask) *Panel {
	if f.Thresholds == nil {
		f.Thresholds = steps()
	}
	f.Color = map[string]any{"mode": "thresholds"}
	b.add(w, h, Panel{Type: "stat", Title: title, Description: description, Targets: targets("time_series", true, asks),
		FieldConfig: FieldConfig{Defaults: f},
		Options: map[string]any{"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": true,
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}}})
	return &b.d.Panels[len(b.d.Panels)-1]
}

// statesStat counts by state, each in its colour and word.
func (b *board) statesStat(w, h int, title, description, metric, matchers string) {
	var asks []ask
	var over []Override
	for _, s := range states() {
		m := fmt.Sprintf("state=%q", s.name)
		if matchers != "" {
			m += "," + matchers
		}
		// Nothing in a state is 0 only where something is known.
		expr := fmt.Sprintf("count(%s{%s})\n  or\n0 * count(%s{%s})", metric, m, metric, matchers)
		asks = append(asks, ask{expr, b.l.state(s)})
		over = append(over, Override{Matcher{"byName", b.l.state(s)}, []Property{{"thresholds", steps(1.0, s.colour)}}})
	}
	b.stat(w, h, title, description, FieldDefaults{Unit: "none"}, asks...).FieldConfig.Overrides = over
}

// graph draws lines over time.
func (b *board) graph(w, h int, title, description, unit string, asks ...ask) *Panel {
	b.add(w, h, Panel{Type: "timeseries", Title: title, Description: description, Targets: targets("time_series", false, asks),
		FieldConfig: FieldConfig{Defaults: FieldDefaults{Unit: unit, Min: ptr(0), Color: map[string]any{"mode": "palette-classic"},
			Custom: map[string]any{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "auto", "spanNulls": false}}},
		Options: map[string]any{"legend": map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
			"tooltip": map[string]any{"mode": "multi", "sort": "desc"}}})
	return &b.d.Panels[len(b.d.Panels)-1]
}

// bars draws one bar a day.
func (b *board) bars(w, h int, title, description string, asks ...ask) *Panel {
	p := b.graph(w, h, title, description, "none", asks...)
	p.Interval = "1d"
	p.FieldConfig.Defaults.Custom = map[string]any{"drawStyle": "bars", "lineWidth": 1, "fillOpacity": 70, "barAlignment": -1,
		"stacking": map[string]any{"mode": "normal", "group": "A"}}
	return p
}

// days shows the state of each line at the end of each day.
func (b *board) days(w, h int, title, description string, asks ...ask) {
	b.add(w, h, Panel{Type: "status-history", Title: title, Description: description, Interval: "1d", Targets: targets("time_series", false, asks),
		FieldConfig: FieldConfig{Defaults: FieldDefaults{Unit: "none", Mappings: b.l.mappings(), Thresholds: steps(), Color: map[string]any{"mode": "thresholds"},
			Custom: map[string]any{"fillOpacity": 80, "lineWidth": 1}}},
		Options: map[string]any{"showValue": "never", "rowHeight": 0.9, "colWidth": 0.9, "legend": legend(), "tooltip": map[string]any{"mode": "single", "sort": "none"}}})
}

// timeline shows the state of each line as it changed.
func (b *board) timeline(w, h int, title, description string, asks ...ask) {
	b.add(w, h, Panel{Type: "state-timeline", Title: title, Description: description, Targets: targets("time_series", false, asks),
		FieldConfig: FieldConfig{Defaults: FieldDefaults{Unit: "none", Mappings: b.l.mappings(), Thresholds: steps(), Color: map[string]any{"mode": "thresholds"},
			Custom: map[string]any{"fillOpacity": 80, "lineWidth": 0}}},
		Options: map[string]any{"showValue": "auto", "mergeValues": true, "rowHeight": 0.9, "alignValue": "left", "legend": legend(), "tooltip": map[string]any{"mode": "single", "sort": "none"}}})
}

func legend() map[string]any {
	return map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true}
}

// column is one of a table: a label, or the value of a query.
type column struct {
	// field is the label's name, Value, or "Value #A" where there are several queries.
	field, title string
	unit         string
	width        int
	states       bool // a code or name of a state
	colours      *Thresholds
	links        []DataLink
}

// sorted is the column that orders a table.
type sorted struct {
	title string
	down  bool
}

// table shows one row a set of labels, the queries side by side.
func (b *board) table(w, h int, title, description string, by sorted, columns []column, asks ...ask) {
	names, index := []string{}, map[string]int{}
	var over []Override
	for i, c := range columns {
		names, index[c.field] = append(names, c.field), i
		over = append(over, Override{Matcher{"byName", c.field}, b.properties(c)})
	}
	options := map[string]any{"showHeader": true, "cellHeight": "sm", "footer": map[string]any{"show": false, "reducer": []string{"sum"}, "countRows": false, "fields": ""}}
	if by.title != "" {
		options["sortBy"] = []map[string]any{{"displayName": by.title, "desc": by.down}}
	}
	b.add(w, h, Panel{Type: "table", Title: title, Description: description, Targets: targets("table", true, asks),
		Transformations: []Transformation{
			{"merge", map[string]any{}},
			{"filterFieldsByName", map[string]any{"include": map[string]any{"names": names}}},
			{"organize", map[string]any{"excludeByName": map[string]any{}, "indexByName": index, "renameByName": map[string]any{}}},
		},
		FieldConfig: FieldConfig{Defaults: FieldDefaults{Unit: "none", NoValue: "–", Thresholds: steps(), Color: map[string]any{"mode": "thresholds"},
			Custom: map[string]any{"align": "auto", "filterable": true}}, Overrides: over},
		Options: options})
}

func (b *board) properties(c column) []Property {
	p := []Property{{"displayName", c.title}}
	if c.unit != "" {
		p = append(p, Property{"unit", c.unit})
	}
	if c.width > 0 {
		p = append(p, Property{"custom.width", c.width})
	}
	if c.states {
		p = append(p, Property{"mappings", b.l.mappings()})
	}
	if c.colours != nil {
		p = append(p, Property{"thresholds", c.colours})
	}
	if c.states || c.colours != nil {
		p = append(p, Property{"custom.cellOptions", map[string]any{"type": "color-text"}})
	}
	if c.links != nil {
		p = append(p, Property{"links", c.links})
	}
	return p
}

// customerColumn and machineColumn name whom a row is about, and lead on.
func (b *board) customerColumn() column {
	return column{field: "customer", title: b.l.say("Customer", "Client"), links: []DataLink{b.link(b.l.say("Customer", "Client"), "customer", "customer")}}
}

func (b *board) machineColumn() column {
	row := "customer=${__data.fields.customer:percentencode}&machine=${__data.fields.machine:percentencode}"
	return column{field: "machine", title: "Machine", links: []DataLink{
		b.link("Machine", "machine", "customer", "machine"),
		{Title: b.l.say("Its incidents (Vigie)", "Ses incidents (Vigie)"), URL: "${vigie}/api/v1/incidents?" + row, TargetBlank: true},
		{Title: b.l.say("Its alerts and silences (Alertmanager)", "Ses alertes et silences (Alertmanager)"),
			URL:         "${alertmanager}/#/alerts?silenced=true&filter=%7Bcustomer%3D%22${__data.fields.customer:percentencode}%22%2Cmachine%3D%22${__data.fields.machine:percentencode}%22%7D",
			TargetBlank: true},
	}}
}

// alerts lists what fires, each with its runbook.
func (b *board) alerts(w, h int, title, matchers string, labels ...column) {
	say := b.l.say
	by := "alertname, severity"
	cols := []column{{field: "alertname", title: say("Alert", "Alerte"), links: []DataLink{{Title: "Runbook", URL: "${runbooks}/${__data.fields.alertname}", TargetBlank: true}}},
		{field: "severity", title: say("Severity", "Gravité")}}
	for _, c := range labels {
		by += ", " + c.field
		cols = append(cols, c)
	}
	cols = append(cols, column{field: "Value", title: say("Since", "Depuis"), unit: "dateTimeFromNow"})
	b.table(w, h, title, say("What fires now. The name leads to its runbook.", "Ce qui est déclenché maintenant. Le nom mène à sa fiche."),
		sorted{say("Since", "Depuis"), false}, cols,
		ask{expr: fmt.Sprintf("1000 * min by (%s) (\n  ALERTS_FOR_STATE{%s}\n    and ignoring (alertstate)\n  ALERTS{alertstate=\"firing\",%s}\n)", by, matchers, matchers)})
}

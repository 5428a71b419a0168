package dashboards

// calendar is machines by days.
func calendar(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "calendar", say("Backups: calendar", "Sauvegardes : calendrier"),
		say("A row a machine, a cell a day. Begin with one customer: the first is chosen.", "Une ligne par machine, une case par jour. Commencez par un client : le premier est choisi."), "now-35d")
	b.d.Refresh = ""
	b.chooseCustomer(false)
	b.choose("machine", "Machine", `label_values(machine:backup_state:worst{customer=~"$customer"}, machine)`, true)
	const mine = `customer=~"$customer",machine=~"$machine"`
	for _, r := range []struct{ role, en, fr string }{{"primary", "Primary backups", "Sauvegardes principales"}, {"local", "Local backups", "Sauvegardes locales"}} {
		b.days(24, 14, say(r.en, r.fr), say("The worst state at the end of each day; the latest cell is now. A blank day was not recorded; it says nothing.",
			"Le pire état à la fin de chaque jour ; la dernière case est maintenant. Un jour vide n'a pas été enregistré ; il ne dit rien."),
			ask{code("machine:backup_state:worst", mine+`,backup_role="`+r.role+`"`, "customer, machine"), "{{machine}}"})
	}
	b.stateBars(24, 8, say("Machines by state", "Machines par état"), mine)
	return b
}

// stateBars counts machines and roles by state, a bar a day.
func (b *board) stateBars(w, h int, title, matchers string) {
	p := b.bars(w, h, title, b.l.say("One machine in one role counts once, at the end of each day.", "Une machine dans un rôle compte une fois, à la fin de chaque jour."),
		ask{"count by (state) (machine:backup_state:worst{" + matchers + "})", "{{state}}"})
	for _, s := range states() {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, Override{Matcher{"byName", s.name},
			[]Property{{"displayName", b.l.state(s)}, {"color", map[string]any{"mode": "fixed", "fixedColor": s.colour}}}})
	}
}

package dashboards

import "fmt"

// fleet is the first board of the day: who is without a good backup, and what
// else is not as it should be.
func fleet(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "fleet", say("Backups: fleet", "Sauvegardes : parc"),
		say("Every machine of every customer; by default those that are not well.", "Toutes les machines de tous les clients ; par défaut celles qui ne vont pas bien."), "now-7d")
	b.chooseCustomer(true)
	b.chooseStates()
	const mine = `customer=~"$customer"`
	b.stat(6, 5, say("Machines without a good backup", "Machines sans sauvegarde valable"),
		say("Machines of which no backup at all is known to be good: neither primary nor local. Unknown and disabled ones do not count as good.",
			"Machines dont aucune sauvegarde, principale ou locale, n'est tenue pour bonne. Inconnue et désactivée ne comptent pas comme bonnes."),
		FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"count(" + unprotected(mine) + ")\n  or\n0 * count(" + machines(mine) + ")", say("machines", "machines")})
	b.statesStat(18, 5, say("Backups by state", "Sauvegardes par état"),
		say("One plan on one machine is one backup.", "Un plan sur une machine est une sauvegarde."), "backup_job:state", mine)
	b.table(24, 8, say("Without a good backup", "Sans sauvegarde valable"),
		say("These first. The machine leads to its board, its incidents and its alerts.", "À traiter d'abord. La machine mène à son tableau, à ses incidents et à ses alertes."),
		sorted{say("Age of the last success", "Âge du dernier succès"), true},
		[]column{b.customerColumn(), b.machineColumn(), {field: "Value #A", title: say("Worst state", "Pire état"), states: true},
			{field: "Value #B", title: say("Age of the last success", "Âge du dernier succès"), unit: "dtdurations"}},
		ask{expr: code("backup_job:state", mine, "customer, machine") + "\n  and on (customer, machine)\n(" + unprotected(mine) + ")\n  or on (customer, machine)\n" + fmt.Sprintf("%d * (%s)", never, unprotected(mine))},
		ask{expr: age(mine, "customer, machine") + "\n  and on (customer, machine)\n(" + unprotected(mine) + ")"})
	b.fleetTable(mine)
	b.alerts(24, 8, say("Alerts about backups", "Alertes sur les sauvegardes"), mine, b.customerColumn(), b.machineColumn(),
		column{field: "backup_role", title: say("Role", "Rôle")}, column{field: "kind", title: say("Kind", "Genre")})
	return b
}

// chooseStates filters machines; by default to those that are not well.
func (b *board) chooseStates() {
	v := Variable{Name: "state", Type: "custom", Label: b.l.say("State", "État"), Multi: true, IncludeAll: true, AllValue: ".+"}
	var query string
	var texts, values []string
	for i, s := range states() {
		if i > 0 {
			query += ", "
		}
		query += b.l.state(s) + " : " + s.name
		bad := s.name != "ok"
		v.Options = append(v.Options, Option{bad, b.l.state(s), s.name})
		if bad {
			texts, values = append(texts, b.l.state(s)), append(values, s.name)
		}
	}
	v.Query, v.Current = query, &Option{true, texts, values}
	b.variable(v)
}

// fleetTable has one row a machine and one cell a role.
func (b *board) fleetTable(mine string) {
	say := b.l.say
	chosen := "\n  and on (customer, machine)\nmachine:backup_state:worst{" + mine + `,state=~"$state"}`
	role := func(r string) ask {
		return ask{expr: code("machine:backup_state:worst", mine+`,backup_role="`+r+`"`, "customer, machine, machine_class") + chosen}
	}
	b.table(24, 14, say("Machines", "Machines"),
		say("The worst state of each role. Ages are measured at the time of the data: a source that cannot be read makes nothing older.",
			"Le pire état de chaque rôle. Les âges sont mesurés à l'heure des données : une source illisible ne vieillit rien."),
		sorted{say("Primary", "Principale"), true},
		[]column{b.customerColumn(), b.machineColumn(), {field: "machine_class", title: say("Class", "Classe")},
			{field: "Value #A", title: say("Primary", "Principale"), states: true}, {field: "Value #B", title: say("Local", "Locale"), states: true},
			{field: "Value #C", title: say("Age of the last success", "Âge du dernier succès"), unit: "dtdurations"},
			{field: "Value #D", title: say("Alerts", "Alertes")}},
		role("primary"), role("local"),
		ask{expr: age(mine, "customer, machine, machine_class") + chosen},
		ask{expr: "count by (customer, machine, machine_class) (ALERTS{alertstate=\"firing\"," + mine + "})" + chosen})
}

package dashboards

// machine is one protected machine: each of its backups, and how they went.
func machine(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "machine", say("Backups: machine", "Sauvegardes : machine"),
		say("Each backup of one machine.", "Chaque sauvegarde d'une machine."), "now-14d")
	b.chooseCustomer(false)
	b.choose("machine", "Machine", `label_values(backup_job:state{customer=~"$customer"}, machine)`, false)
	const mine = `customer=~"$customer",machine=~"$machine"`
	b.jobs(mine)
	b.timeline(24, 8, say("State", "État"), say("The state of each backup as it changed. A gap says that nothing was recorded.", "L'état de chaque sauvegarde au fil du temps. Un trou : rien n'a été enregistré."),
		ask{code("backup_job:state", mine, "source, job_id, backup_role, plan"), "{{plan}} ({{backup_role}}, {{source}})"})
	const line = "{{plan}} ({{backup_role}}, {{source}})"
	b.graph(12, 8, say("Duration", "Durée"), say("Of the last finished run.", "De la dernière exécution terminée."), "s", ask{"backup_job:last_duration_seconds:named{" + mine + "}", line})
	b.graph(12, 8, say("Size", "Taille"), say("Bytes processed by the last finished run.", "Octets traités par la dernière exécution terminée."), "bytes", ask{"backup_job:last_size_bytes:named{" + mine + "}", line})
	b.agents(mine)
	b.alerts(16, 8, say("Alerts", "Alertes"), mine, column{field: "backup_role", title: say("Role", "Rôle")}, column{field: "plan", title: "Plan"}, column{field: "kind", title: say("Kind", "Genre")})
	b.table(24, 6, say("No longer listed", "Disparues des listes"), say("Backups that a complete listing lacked; remembered for a month.", "Sauvegardes absentes d'une liste complète ; retenues un mois."), sorted{},
		[]column{{field: "source", title: "Source"}, {field: "backup_role", title: say("Role", "Rôle")}, {field: "plan", title: "Plan"}, {field: "Value", title: say("Since", "Depuis"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * max by (source, backup_role, plan) (backup_vanished_timestamp_seconds{" + mine + "})"})
	return b
}

// jobs has one row a backup, with all that is known of it.
func (b *board) jobs(mine string) {
	say := b.l.say
	const by = "source, job_id, backup_role, engine, plan"
	of := func(metric, times string) ask {
		return ask{expr: times + "max by (" + by + ") (" + metric + "{" + mine + "})"}
	}
	moment := func(metric string) ask { return of(metric, "1000 * ") }
	b.table(24, 8, say("Backups", "Sauvegardes"), say("The age is measured at the time of the data, in the column beside it.", "L'âge est mesuré à l'heure des données, dans la colonne voisine."), sorted{},
		[]column{{field: "source", title: "Source"}, {field: "backup_role", title: say("Role", "Rôle")}, {field: "engine", title: say("Product", "Produit")}, {field: "plan", title: "Plan"},
			{field: "Value #A", title: say("State", "État"), states: true},
			{field: "Value #B", title: say("Age of the last success", "Âge du dernier succès"), unit: "dtdurations"},
			{field: "Value #C", title: say("Time of the data", "Heure des données"), unit: "dateTimeAsLocal"},
			{field: "Value #D", title: say("Last success", "Dernier succès"), unit: "dateTimeAsLocal"},
			{field: "Value #E", title: say("Last run", "Dernière exécution"), unit: "dateTimeAsLocal"},
			{field: "Value #F", title: say("Next run", "Prochaine exécution"), unit: "dateTimeAsLocal"},
			{field: "Value #G", title: say("Late after", "En retard après"), unit: "dateTimeAsLocal"},
			{field: "Value #H", title: say("Failures in a row", "Échecs de suite"), colours: steps(1.0, orange, 3.0, red)},
			{field: "Value #I", title: say("Running since", "En cours depuis"), unit: "dateTimeAsLocal"},
			{field: "Value #J", title: say("Expected every", "Attendue toutes les"), unit: "dtdurations"}},
		ask{expr: code("backup_job:state", mine, by)}, ask{expr: age(mine, by)},
		ask{expr: "1000 * max by (" + by + ") (backup_job:read_timestamp_seconds:last * on (source, customer, job_id) group_right () backup_job:state{" + mine + "})"},
		moment("backup_job:last_success_timestamp_seconds:named"), moment("backup_job:last_run_timestamp_seconds:named"),
		moment("backup_job:next_run_timestamp_seconds:named"), moment("backup_job:late_after_timestamp_seconds:named"),
		of("backup_job:consecutive_failures:named", ""), moment("backup_job:running_since_timestamp_seconds:named"), of("backup_job:expected_interval_seconds:named", ""))
}

func (b *board) agents(mine string) {
	say := b.l.say
	b.table(8, 8, say("Agent", "Agent"), say("Whether the machine's backup agent is connected to its product.", "Si l'agent de sauvegarde de la machine est connecté à son produit."), sorted{},
		[]column{{field: "source", title: "Source"}, {field: "Value #A", title: say("Connected", "Connecté"), unit: "bool_yes_no", colours: steps(0.0, red, 1.0, green)},
			{field: "Value #B", title: say("Last seen", "Vu pour la dernière fois"), unit: "dateTimeFromNow"}},
		ask{expr: "min by (source) (backup_agent_online{" + mine + "})"}, ask{expr: "1000 * max by (source) (backup_agent_last_seen_timestamp_seconds{" + mine + "})"})
}

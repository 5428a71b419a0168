package dashboards

// today is what happened since midnight and what falls due.
func today(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "today", say("Backups: today", "Sauvegardes : aujourd'hui"),
		say("Since midnight, and what falls due within a day. The deadlines of incidents stand in Vigie.", "Depuis minuit, et ce qui arrive à échéance d'ici un jour. Les échéances des incidents sont dans Vigie."), "now/d")
	b.chooseCustomer(true)
	const mine = `customer=~"$customer"`
	count := func(en, fr, den, dfr, expr string, t *Thresholds) {
		b.stat(4, 4, say(en, fr), say(den, dfr), FieldDefaults{Unit: "none", Thresholds: t}, ask{"count(" + expr + ")\n  or\n0 * count(backup_job:state{" + mine + "})", say(en, fr)})
	}
	count("Succeeded", "Réussies", "Backups with a success since midnight.", "Sauvegardes réussies depuis minuit.",
		"backup_job:last_success_timestamp_seconds:named{"+mine+"} >= ${__from:date:seconds}", steps(1.0, green))
	count("Failed", "Échouées", "Backups whose last run failed.", "Sauvegardes dont la dernière exécution a échoué.", `backup_job:state{state="failed",`+mine+"}", none())
	count("Late", "En retard", "Backups that should have run.", "Sauvegardes qui auraient dû s'exécuter.", `backup_job:state{state=~"late|never",`+mine+"}", none())
	count("Running", "En cours", "Backups at work.", "Sauvegardes en cours d'exécution.", "backup_job:running:named{"+mine+"} == 1", steps())
	count("Unknown", "Inconnues", "Backups of which nothing certain is known.", "Sauvegardes dont on ne sait rien de certain.", `backup_job:state{state="unknown",`+mine+"}", steps(0.0, plain, 1.0, blue))
	b.stat(4, 4, say("Open incidents", "Incidents ouverts"), say("In Vigie, of all customers.", "Dans Vigie, tous clients confondus."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"sum(vigie_incidents_open)\n  or\n0 * max(vigie_store_up == 1)", say("open", "ouverts")})
	b.dueTables(mine)
	b.table(8, 9, say("Incidents by state", "Incidents par état"), say("Open incidents in Vigie.", "Incidents ouverts dans Vigie."), sorted{"", false},
		[]column{{field: "scenario", title: say("Scenario", "Scénario"), links: []DataLink{{Title: say("These incidents (Vigie)", "Ces incidents (Vigie)"), URL: "${vigie}/api/v1/incidents?scenario=${__data.fields.scenario:percentencode}", TargetBlank: true}}},
			{field: "state", title: say("State", "État")}, {field: "Value", title: say("Open", "Ouverts")}},
		ask{expr: "sum by (scenario, state) (vigie_incidents_open)"})
	b.alerts(16, 9, say("Alerts", "Alertes"), mine, b.customerColumn(), b.machineColumn(), column{field: "kind", title: say("Kind", "Genre")})
	return b
}

// dueTables are what becomes late next, and what is at work.
func (b *board) dueTables(mine string) {
	say := b.l.say
	const by = "customer, machine, backup_role, plan"
	names := func(more ...column) []column {
		return append([]column{b.customerColumn(), b.machineColumn(), {field: "backup_role", title: say("Role", "Rôle")}, {field: "plan", title: "Plan"}}, more...)
	}
	b.table(14, 10, say("Due within a day", "À échéance d'ici un jour"), say("Late when the moment has passed at the time of the data without a success; the soonest first.", "En retard quand le moment est passé, à l'heure des données, sans succès ; le plus proche d'abord."),
		sorted{say("Late after", "En retard après"), false}, names(column{field: "Value", title: say("Late after", "En retard après"), unit: "dateTimeAsLocal"}),
		ask{expr: "1000 * min by (" + by + ") (\n  backup_job:late_after_timestamp_seconds:named{" + mine + "}\n    and on (source, customer, job_id)\n  (backup_job:late_after_timestamp_seconds:named{" + mine + "} - on (source, customer, job_id) backup_job:read_timestamp_seconds:last < 86400)\n    and on (source, customer, job_id)\n  (backup_job:enabled:named == 1)\n)"})
	b.table(10, 10, say("At work", "Exécutions en cours"), say("Since when each running backup has been running.", "Depuis quand chaque sauvegarde en cours s'exécute."),
		sorted{say("Since", "Depuis"), false}, names(column{field: "Value", title: say("Since", "Depuis"), unit: "dateTimeFromNow"}),
		ask{expr: "1000 * min by (" + by + ") (backup_job:running_since_timestamp_seconds:named{" + mine + "})"})
}

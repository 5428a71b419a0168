package dashboards

// month is how the last weeks went, for those who answer for them.
func month(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "month", say("Backups: month", "Sauvegardes : mois"),
		say("Shares, incidents, missed targets and mails of the last thirty days.", "Parts, incidents, objectifs manqués et messages des trente derniers jours."), "now-30d")
	b.d.Refresh = ""
	b.chooseCustomer(true)
	const mine = `customer=~"$customer"`
	b.stat(6, 5, say("Days with a good backup", "Jours avec une sauvegarde valable"),
		say("Of all machines and days of the chosen span: the share with a good backup at the end of the day.", "Sur toutes les machines et tous les jours de la période : part avec une sauvegarde valable en fin de journée."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, red, 0.9, orange, 0.99, green)},
		ask{"avg(avg_over_time((" + protected(mine) + ")[$__range:1d]))", say("share", "part")})
	counter := func(en, fr, den, dfr, metric string, t *Thresholds) {
		b.stat(6, 5, say(en, fr), say(den, dfr), FieldDefaults{Unit: "none", Thresholds: t}, ask{counted(metric, "$__range", "") + "\n  or\n0 * max(vigie_store_up == 1)", say(en, fr)})
	}
	counter("Incidents opened", "Incidents ouverts", "And opened again.", "Et rouverts.", "vigie_incidents_opened_total", steps())
	counter("Targets missed", "Objectifs manqués", "All scenarios.", "Tous les scénarios.", "vigie_sla_breaches_total", none())
	counter("Mails sent", "Messages envoyés", "Transmissions that were accepted.", "Transmissions acceptées.", `vigie_notifications_sent_total{result="accepted"}`, steps())
	b.table(24, 9, say("By customer", "Par client"), say("The lowest share first.", "La plus faible part d'abord."), sorted{say("Days with a good backup", "Jours avec une sauvegarde valable"), false},
		[]column{b.customerColumn(), {field: "Value #A", title: say("Machines", "Machines")}, {field: "Value #B", title: say("With a good backup now", "Avec une sauvegarde valable"), unit: "percentunit", colours: steps(0.0, red, 0.9, orange, 1.0, green)},
			{field: "Value #C", title: say("Days with a good backup", "Jours avec une sauvegarde valable"), unit: "percentunit", colours: steps(0.0, red, 0.9, orange, 0.99, green)}},
		ask{expr: "count by (customer) (" + machines(mine) + ")"}, ask{expr: protected(mine)}, ask{expr: "avg_over_time((" + protected(mine) + ")[$__range:1d])"})
	b.stateBars(24, 9, say("Machines by state, by day", "Machines par état et par jour"), mine)
	b.bars(12, 8, say("Incidents opened, by day", "Incidents ouverts, par jour"), say("By scenario.", "Par scénario."), ask{counted("vigie_incidents_opened_total", "1d", "scenario"), "{{scenario}}"})
	b.bars(12, 8, say("Mails, by day", "Messages, par jour"), say("By what became of them.", "Selon leur sort."), ask{counted("vigie_notifications_sent_total", "1d", "result"), "{{result}}"})
	return b
}

package dashboards

// sla is the service levels: incidents, clocks that were not met, platforms.
func sla(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "sla", say("Service levels", "Niveaux de service"),
		say("Missed targets, open incidents and the availability of hosted platforms. Working time and guaranteed windows are reckoned in Vigie.",
			"Objectifs manqués, incidents ouverts et disponibilité des plateformes. Le temps ouvré et les plages garanties sont calculés dans Vigie."), "now-35d", "now")
	b.choose("platform", say("Platform", "Plateforme"), "label_values(platform:probe_success:last, platform)", true)
	const mine = `platform=~"$platform"`
	b.stat(6, 5, say("Targets missed", "Objectifs manqués"), say("In the chosen span of time.", "Dans la période choisie."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{counted("vigie_sla_breaches_total", "$__range", "") + "\n  or\n0 * max(vigie_store_up == 1)", say("missed", "manqués")})
	b.stat(6, 5, say("Open incidents", "Incidents ouverts"), "", FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"sum(vigie_incidents_open)\n  or\n0 * max(vigie_store_up == 1)", say("open", "ouverts")}).Description = say("All scenarios.", "Tous les scénarios.")
	b.stat(12, 5, say("Availability", "Disponibilité"), say("Share of the chosen span in which every probed target of a platform answered; all hours, not only guaranteed ones.",
		"Part de la période où toutes les cibles sondées d'une plateforme répondaient ; toutes les heures, pas seulement les heures garanties."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, red, 0.99, orange, 0.999, green)},
		ask{"min by (platform) (avg_over_time(platform:probe_success:max{" + mine + "}[$__range]))", "{{platform}}"})
	b.graph(12, 8, say("Answering", "Réponses"), say("1 while every probed target of a platform answers.", "1 tant que toutes les cibles sondées d'une plateforme répondent."), "none",
		ask{"min by (platform) (platform:probe_success:last{" + mine + "})", "{{platform}}"})
	b.bars(12, 8, say("Targets missed, by day", "Objectifs manqués, par jour"), say("By clock.", "Par délai."), "none",
		ask{counted("vigie_sla_breaches_total", "1d", "clock"), "{{clock}}"})
	b.table(12, 8, say("Targets missed, by scenario", "Objectifs manqués, par scénario"), say("In the chosen span of time.", "Dans la période choisie."), sorted{say("Missed", "Manqués"), true},
		[]column{{field: "scenario", title: say("Scenario", "Scénario")}, {field: "clock", title: say("Target", "Objectif")}, {field: "Value", title: say("Missed", "Manqués"), colours: steps(1.0, red)}},
		ask{expr: counted("vigie_sla_breaches_total", "$__range", "scenario, clock")})
	b.graph(12, 8, say("Open incidents by state", "Incidents ouverts par état"), say("How many wait for whom.", "Combien attendent qui."), "none", ask{"sum by (state) (vigie_incidents_open)", "{{state}}"})
	b.table(12, 8, say("What ends", "Ce qui prend fin"), say("Certificates, contracts, licences and domains of platforms.", "Certificats, contrats, licences et domaines des plateformes."), sorted{say("Ends", "Fin"), false},
		[]column{{field: "platform", title: say("Platform", "Plateforme")}, {field: "item", title: say("What", "Quoi")}, {field: "Value", title: say("Ends", "Fin"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * min by (platform, item) (platform:expiry_timestamp_seconds:min{" + mine + "})"})
	b.alerts(12, 8, say("Alerts", "Alertes"), mine, column{field: "platform", title: say("Platform", "Plateforme")}, column{field: "signal", title: "Signal"})
	return b
}

package dashboards

// sla is the service levels: incidents, clocks that were not met, platforms.
func sla(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "sla", say("Service levels", "Niveaux de service"),
		say("Missed targets, open incidents and the availability of hosted platforms. Working time and guaranteed windows are reckoned in Vigie.",
			"Objectifs manqués, incidents ouverts et disponibilité des plateformes. Le temps ouvré et les plages garanties sont calculés dans Vigie."), "now-35d")
	b.choose("platform", say("Platform", "Plateforme"), "label_values(platform:probe_success:last, platform)", true)
	const mine = `platform=~"$platform"`
	b.stat(6, 5, say("Targets missed", "Objectifs manqués"), say("In the chosen span of time.", "Dans la période choisie."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{counted("vigie_sla_breaches_total", "$__range", "") + "\n  or\n0 * max(vigie_store_up == 1)", say("missed", "manqués")})
	b.stat(6, 5, say("Open incidents", "Incidents ouverts"), "", FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"sum(vigie_incidents_open)\n  or\n0 * max(vigie_store_up == 1)", say("open", "ouverts")}).Description = say("All scenarios.", "Tous les scénarios.")
	b.stat(4, 5, say("Overdue", "En retard"), say("Targets of open incidents whose time has passed.", "Objectifs d'incidents ouverts dont le délai est passé."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"sum(max by (scenario, clock) (vigie_targets_overdue))\n  or\n0 * max(vigie_store_up == 1)", say("overdue", "en retard")})
	b.stat(8, 5, say("Availability in guaranteed windows", "Disponibilité en plage garantie"), say("The same within the hours of the first level of service, as the policy in force has them.",
		"La même, aux heures du premier niveau de service, selon la politique en vigueur."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, red, 0.99, orange, 0.999, green)},
		ask{"min by (platform) (avg_over_time((platform:probe_success:max{" + mine + "} and on () (max(vigie_guarantee_window_open) == 1))[$__range:5m]))", "{{platform}}"})
	b.stat(12, 5, say("Availability", "Disponibilité"), say("Share of the chosen span in which every probed target of a platform answered; all hours, not only guaranteed ones.",
		"Part de la période où toutes les cibles sondées d'une plateforme répondaient ; toutes les heures, pas seulement les heures garanties."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, red, 0.99, orange, 0.999, green)},
		ask{"min by (platform) (avg_over_time(platform:probe_success:max{" + mine + "}[$__range]))", "{{platform}}"})
	b.graph(12, 8, say("Unavailability this month", "Indisponibilité du mois"), say("Within guaranteed hours, without announced work, as measured by Vigie; unmeasured time counts neither as up nor as down.",
		"Aux heures garanties, hors travaux annoncés, selon la mesure de Vigie ; ce qui n'est pas mesuré ne compte ni en marche ni en panne."), "s",
		ask{"max by (platform) (vigie_platform_guaranteed_seconds{" + mine + `,state="down"})`, say("{{platform}}: down", "{{platform}} : en panne")},
		ask{"max by (platform) (vigie_platform_guaranteed_seconds{" + mine + `,state="unknown"})`, say("{{platform}}: not measured", "{{platform}} : non mesuré")})
	b.stat(12, 8, say("Tolerance used up", "Tolérance consommée"), say("How much of the unavailability that the policy tolerates has been used; beyond 100 % it is a breach.",
		"Part consommée de l'indisponibilité que la politique tolère ; au-delà de 100 %, l'écart est compté."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, green, 0.75, orange, 1.0, red)},
		ask{"max by (platform) (vigie_platform_unavailability_seconds{" + mine + "} / on (platform) group_left () max by (platform) (vigie_platform_unavailability_tolerance_seconds{" + mine + "}))", "{{platform}}"})
	b.graph(12, 8, say("Answering", "Réponses"), say("1 while every probed target of a platform answers.", "1 tant que toutes les cibles sondées d'une plateforme répondent."), "none",
		ask{"min by (platform) (platform:probe_success:last{" + mine + "})", "{{platform}}"})
	b.bars(12, 8, say("Targets missed, by day", "Objectifs manqués, par jour"), say("By clock.", "Par délai."),
		ask{counted("vigie_sla_breaches_total", "1d", "clock"), "{{clock}}"})
	b.table(12, 8, say("Targets missed, by scenario", "Objectifs manqués, par scénario"), say("In the chosen span of time.", "Dans la période choisie."), sorted{say("Missed", "Manqués"), true},
		[]column{{field: "scenario", title: say("Scenario", "Scénario")}, {field: "clock", title: say("Target", "Objectif")}, {field: "Value", title: say("Missed", "Manqués"), colours: steps(1.0, red)}},
		ask{expr: counted("vigie_sla_breaches_total", "$__range", "scenario, clock")})
	b.table(12, 8, say("Targets that run", "Objectifs en cours"), say("When the next of each kind is due; overdue ones stand above.", "Échéance de la prochaine de chaque sorte ; les retards sont comptés plus haut."), sorted{say("Due", "Échéance"), false},
		[]column{{field: "scenario", title: say("Scenario", "Scénario")}, {field: "clock", title: say("Target", "Objectif")}, {field: "Value", title: say("Due", "Échéance"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * min by (scenario, clock) (vigie_target_next_due_timestamp_seconds)"})
	b.graph(12, 8, say("Running targets", "Objectifs en cours, par sorte"), say("By clock, overdue ones included.", "Par délai, retards compris."), "none", ask{"sum by (clock) (max by (scenario, clock) (vigie_targets_running))", "{{clock}}"})
	b.stat(12, 8, say("Level of service", "Niveau de service"), say("The one that holds now, by the calendars of the policy in force.", "Celui qui vaut en ce moment, selon les calendriers de la politique en vigueur."), FieldDefaults{Unit: "none", Thresholds: steps()},
		ask{"max by (policy, level) (vigie_guarantee_level) == 1", "{{policy}}: {{level}}"})
	b.table(12, 8, say("Oldest open incidents", "Plus anciens incidents ouverts"), say("Since when the oldest incident of each kind has been open.", "Depuis quand le plus ancien incident de chaque sorte est ouvert."), sorted{say("Since", "Depuis"), false},
		[]column{{field: "scenario", title: say("Scenario", "Scénario")}, {field: "state", title: say("State", "État")}, {field: "Value", title: say("Since", "Depuis"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * min by (scenario, state) (vigie_incidents_oldest_opened_timestamp_seconds)"})
	b.graph(12, 8, say("Open incidents by state", "Incidents ouverts par état"), say("How many wait for whom.", "Combien attendent qui."), "none", ask{"sum by (state) (vigie_incidents_open)", "{{state}}"})
	b.table(12, 8, say("What ends", "Ce qui prend fin"), say("Certificates, contracts, licences and domains of platforms.", "Certificats, contrats, licences et domaines des plateformes."), sorted{say("Ends", "Fin"), false},
		[]column{{field: "platform", title: say("Platform", "Plateforme")}, {field: "item", title: say("What", "Quoi")}, {field: "Value", title: say("Ends", "Fin"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * min by (platform, item) (platform:expiry_timestamp_seconds:min{" + mine + "})"})
	b.alerts(12, 8, say("Alerts", "Alertes"), mine, column{field: "platform", title: say("Platform", "Plateforme")}, column{field: "signal", title: "Signal"})
	return b
}

package dashboards

// chain answers: is what we see true, and does what we say arrive?
func chain(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "chain", say("Is what we see true?", "Ce que nous voyons est-il vrai ?"),
		say("The way from the backup products to the mail: sources, rules, Alertmanager, Vigie.", "Le chemin des produits de sauvegarde jusqu'au message : sources, règles, Alertmanager, Vigie."), "now-24h")
	b.chainStats()
	b.chainSources()
	b.chainRules()
	b.chainReceiver()
	b.alerts(24, 8, say("Alerts about the chain", "Alertes sur la chaîne"), `kind=~"vigie|source_down|exporter_absent"`,
		column{field: "kind", title: say("Kind", "Genre")}, column{field: "source", title: "Source"})
	return b
}

// yes colours a thing that works or does not.
func yes() FieldDefaults {
	return FieldDefaults{Unit: "bool_yes_no", Thresholds: steps(0.0, red, 1.0, green)}
}

func (b *board) chainStats() {
	say := b.l.say
	up := func(en, fr, den, dfr, expr string) { b.stat(4, 4, say(en, fr), say(den, dfr), yes(), ask{expr, ""}) }
	up("Exporters answer", "Exporteurs joignables", "Every backup_exporter is scraped.", "Chaque backup_exporter est lu.", `min(up{job="backup_exporter"})`)
	up("Vigie answers", "Vigie joignable", "And its store does.", "Et sa base aussi.", `min(up{job="vigie"}) * min(vigie_store_up)`)
	up("Alertmanager answers", "Alertmanager joignable", "Vigie can ask every Alertmanager.", "Vigie peut interroger chaque Alertmanager.", "min(vigie_alertmanager_up)")
	up("Configurations are in force", "Configurations en vigueur", "The last reading of each configuration was taken over.", "La dernière lecture de chaque configuration a été prise en compte.",
		"min(vigie_config_last_reload_successful) * min(prometheus_config_last_reload_successful) * min(alertmanager_config_last_reload_successful)")
	b.stat(4, 4, say("Sources not whole", "Sources incomplètes"), say("Sources whose last refresh was not complete. Nothing they say is newer than it.", "Sources dont la dernière lecture est incomplète. Rien de ce qu'elles disent n'est plus récent."),
		FieldDefaults{Unit: "none", Thresholds: none()}, ask{"count(count by (source) (backup_source_up == 0))\n  or\n0 * count(backup_source_up)", say("sources", "sources")})
	b.stat(4, 4, say("Waiting to be sent", "En attente d'envoi"), say("Messages whose hold has ended.", "Messages qui auraient pu partir."), FieldDefaults{Unit: "none", Thresholds: steps(0.0, green, 50.0, orange)},
		ask{"sum(vigie_notification_outbox_pending)", say("messages", "messages")})
}

func (b *board) chainSources() {
	say := b.l.say
	b.table(24, 9, say("Sources", "Sources"), say("When each product was last read completely, and what was odd about it.", "Quand chaque produit a été lu entièrement, et ce qui y était étrange."), sorted{say("Last complete reading", "Dernière lecture complète"), false},
		[]column{{field: "source", title: "Source", links: []DataLink{{Title: "Runbook", URL: "${runbooks}/BackupSourceDown", TargetBlank: true}}}, {field: "engine", title: say("Product", "Produit")},
			{field: "Value #A", title: say("Complete", "Complète"), unit: "bool_yes_no", colours: steps(0.0, red, 1.0, green)},
			{field: "Value #B", title: say("Last complete reading", "Dernière lecture complète"), unit: "dateTimeFromNow"},
			{field: "Value #C", title: say("Took", "Durée"), unit: "s"}, {field: "Value #D", title: say("Clock ahead", "Avance de l'horloge"), unit: "s"},
			{field: "Value #E", title: say("Parts not read", "Parties non lues"), colours: steps(1.0, red)}, {field: "Value #F", title: say("Items", "Éléments")},
			{field: "Value #G", title: say("Unknown machines", "Machines inconnues"), colours: steps(1.0, orange)},
			{field: "Value #H", title: say("Unsorted mails", "Messages non triés"), colours: steps(1.0, orange)},
			{field: "Value #I", title: say("Last mail", "Dernier message"), unit: "dateTimeFromNow"},
			{field: "Value #J", title: say("Results of nobody", "Résultats sans machine"), colours: steps(1.0, orange)}},
		ask{expr: "min by (source, engine) (backup_source_up * on (source) group_left (engine) max by (source, engine) (backup_source_info))"},
		ask{expr: "1000 * max by (source) (backup_source_last_refresh_timestamp_seconds)"}, ask{expr: "max by (source) (backup_source_refresh_duration_seconds)"},
		ask{expr: "max by (source) (backup_source_clock_skew_seconds)"}, ask{expr: "count by (source) (backup_source_endpoint_up == 0) or 0 * count by (source) (backup_source_endpoint_up)"},
		ask{expr: "sum by (source) (backup_source_items)"}, ask{expr: "max by (source) (backup_inventory_unmatched_machines)"},
		ask{expr: "max by (source) (backup_inbox_unsorted_messages)"}, ask{expr: "1000 * max by (source) (backup_inbox_last_message_timestamp_seconds)"},
		ask{expr: "max by (source) (backup_source_unmatched_results)"})
	b.graph(8, 8, say("Failed readings", "Lectures échouées"), say("A second, by source and reason.", "Par seconde, par source et raison."), "none", ask{"sum by (source, reason) (rate(backup_source_errors_total[$__rate_interval]))", "{{source}}: {{reason}}"})
	b.graph(8, 8, say("Values nobody knows", "Valeurs inconnues"), say("Words of a product that the exporter does not know, by field. They never count as success.", "Mots d'un produit que l'exporteur ne connaît pas, par champ. Ils ne comptent jamais comme succès."), "none",
		ask{"sum by (source, field) (increase(backup_source_unknown_values_total[$__rate_interval]))", "{{source}}: {{field}}"})
	b.graph(8, 8, say("Mails passed over", "Messages ignorés"), say("Mails that are no reports, by reason.", "Messages qui ne sont pas des rapports, par raison."), "none", ask{"sum by (source, reason) (increase(backup_inbox_ignored_messages_total[$__rate_interval]))", "{{source}}: {{reason}}"})
	b.graph(24, 6, say("Pushed results arriving", "Résultats poussés"), say("Backups whose pushed result arrived within the last hour.", "Sauvegardes dont le résultat poussé est arrivé dans l'heure."), "none",
		ask{"count by (source) (time() - backup_job_received_timestamp_seconds < 3600) or 0 * count by (source) (backup_job_received_timestamp_seconds)", "{{source}}"})
}

func (b *board) chainRules() {
	say := b.l.say
	b.graph(8, 8, say("Rules: share of their interval", "Règles : part de leur intervalle"), say("Above 1 evaluations are left out and alerts come late.", "Au-delà de 1, des évaluations sont sautées et les alertes arrivent tard."), "percentunit",
		ask{"max by (rule_group) (prometheus_rule_group_last_duration_seconds / prometheus_rule_group_interval_seconds)", "{{rule_group}}"})
	b.graph(8, 8, say("Rules that failed or were left out", "Règles échouées ou sautées"), say("Each is an alert that may not come.", "Chacune est une alerte qui peut manquer."), "none",
		ask{"sum(increase(prometheus_rule_evaluation_failures_total[$__rate_interval]))", say("failed", "échouées")}, ask{"sum(increase(prometheus_rule_group_iterations_missed_total[$__rate_interval]))", say("left out", "sautées")})
	b.graph(8, 8, say("Notifications lost on the way", "Notifications perdues en chemin"), say("Thrown away by Prometheus, or refused to Alertmanager.", "Jetées par Prometheus ou refusées à Alertmanager."), "none",
		ask{"sum(increase(prometheus_notifications_dropped_total[$__rate_interval]))", "Prometheus"}, ask{"sum by (integration) (increase(alertmanager_notifications_failed_total[$__rate_interval]))", "Alertmanager: {{integration}}"})
	b.graph(12, 8, say("Alertmanager delivers", "Alertmanager livre"), say("Deliveries a second, by way.", "Livraisons par seconde, par voie."), "none", ask{"sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval]))", "{{integration}}"})
	b.graph(12, 8, say("Silences and alerts", "Silences et alertes"), say("Silences by state, and alerts in Alertmanager.", "Silences par état, et alertes dans Alertmanager."), "none",
		ask{"max by (state) (alertmanager_silences)", say("silences: {{state}}", "silences : {{state}}")}, ask{"max by (state) (alertmanager_alerts)", say("alerts: {{state}}", "alertes : {{state}}")})
}

func (b *board) chainReceiver() {
	say := b.l.say
	b.table(12, 9, say("Clocks of Vigie", "Horloges de Vigie"), say("When each thing last happened.", "Quand chaque chose s'est produite."), sorted{say("Last", "Dernière fois"), false},
		[]column{{field: "what", title: say("What", "Quoi")}, {field: "of", title: say("Of", "De")}, {field: "Value", title: say("Last", "Dernière fois"), unit: "dateTimeFromNow"}},
		ask{expr: `1000 * (
  label_replace(label_replace(max by (loop) (vigie_loop_last_turn_timestamp_seconds), "what", "` + say("loop", "boucle") + `", "", ""), "of", "$1", "loop", "(.*)")
    or
  label_replace(label_replace(max by (alertmanager) (vigie_reconcile_last_success_timestamp_seconds), "what", "` + say("reconciled", "rapprochement") + `", "", ""), "of", "$1", "alertmanager", "(.*)")
    or
  label_replace(max(vigie_watchdog_last_received_timestamp_seconds), "what", "` + say("watchdog heard", "chien de garde entendu") + `", "", "")
    or
  label_replace(max(vigie_heartbeat_last_success_timestamp_seconds > 0), "what", "` + say("heartbeat accepted", "battement accepté") + `", "", "")
    or
  label_replace(min(backup_exporter_inventory_last_fetch_success_timestamp_seconds > 0), "what", "` + say("inventory fetched by exporters", "inventaire lu par les exporteurs") + `", "", "")
    or
  label_replace(min(backup_exporter_config_last_reload_success_timestamp_seconds > 0), "what", "` + say("configuration read by exporters", "configuration lue par les exporteurs") + `", "", "")
    or
  label_replace(max(vigie_mailbox_last_success_timestamp_seconds > 0), "what", "` + say("mailbox of answers read", "boîte des réponses lue") + `", "", "")
    or
  label_replace(min(vigie_notification_outbox_oldest_timestamp_seconds), "what", "` + say("oldest waiting message", "plus ancien message en attente") + `", "", "")
)`})
	b.table(12, 9, say("What Vigie complains about", "Ce dont Vigie se plaint"), say("Each row is something to mend.", "Chaque ligne est à corriger."), sorted{},
		[]column{{field: "what", title: say("What", "Quoi")}, {field: "of", title: say("Of", "De")}, {field: "Value", title: say("How many", "Combien"), colours: steps(1.0, orange)}},
		ask{expr: `label_replace(label_replace(sum by (issue) (vigie_data_quality_issues), "what", "` + say("faulty signals", "signaux défectueux") + `", "", ""), "of", "$1", "issue", "(.*)")
  or
label_replace(label_replace(sum by (calendar) (vigie_calendar_copy_used) > 0, "what", "` + say("calendar read from its copy", "calendrier lu de sa copie") + `", "", ""), "of", "$1", "calendar", "(.*)")
  or
label_replace(label_replace(sum by (reason) (increase(vigie_signals_ignored_total[$__range])) > 0, "what", "` + say("ignored signals", "signaux ignorés") + `", "", ""), "of", "$1", "reason", "(.*)")
  or
label_replace(sum(increase(vigie_decision_faults_total[$__range])) > 0, "what", "` + say("incidents not decided", "incidents non décidés") + `", "", "")
  or
label_replace(max(vigie_mailbox_mails_left) > 0, "what", "` + say("mails that stay in the mailbox", "messages qui restent dans la boîte") + `", "", "")
  or
label_replace(sum(increase(backup_exporter_textfile_write_errors_total[$__range])) > 0, "what", "` + say("text files not written", "fichiers texte non écrits") + `", "", "")
  or
label_replace(sum(increase(vigie_webhook_truncated_alerts_total[$__range])) > 0, "what", "` + say("alerts left out of deliveries", "alertes omises des livraisons") + `", "", "")
  or
label_replace(sum(increase(vigie_webhook_oversize_total[$__range])) > 0, "what", "` + say("deliveries too large", "livraisons trop grandes") + `", "", "")
  or
label_replace(count(backup_exporter_inventory_last_fetch_successful == 0), "what", "` + say("exporters that cannot fetch the inventory", "exporteurs qui ne peuvent lire l'inventaire") + `", "", "")
  or
label_replace(max(vigie_store_disk_full) > 0, "what", "` + say("disk full", "disque plein") + `", "", "")`})
	b.graph(8, 8, say("Transmissions", "Transmissions"), say("By what became of them; what Alertmanager delivered, by its answer, and what came back to the mailbox of answers.", "Selon leur sort ; ce qu'Alertmanager a livré, selon la réponse, et ce qui est revenu à la boîte des réponses."), "none", ask{"sum by (result) (increase(vigie_notifications_sent_total[$__rate_interval]))", "{{result}}"},
		ask{"sum by (code) (increase(vigie_webhook_requests_total[$__rate_interval]))", say("deliveries of Alertmanager: {{code}}", "livraisons d'Alertmanager : {{code}}")},
		ask{"sum by (sort) (increase(vigie_mailbox_mails_total[$__rate_interval]))", say("came back: {{sort}}", "revenus : {{sort}}")})
	b.graph(8, 8, say("Questions, loops, alarms", "Questions, boucles, alarmes"), say("Questions to Prometheus by result, failed turns of loops, calls on the second channel, heartbeats.", "Questions à Prometheus par résultat, tours de boucle échoués, appels sur la seconde voie, battements."), "none",
		ask{"sum by (result) (increase(vigie_evidence_questions_total[$__rate_interval]))", say("questions: {{result}}", "questions : {{result}}")},
		ask{"sum by (loop) (increase(vigie_loop_errors_total[$__rate_interval]))", say("loop failed: {{loop}}", "boucle échouée : {{loop}}")},
		ask{"sum by (result) (increase(vigie_alarm_calls_total[$__rate_interval]))", say("alarm: {{result}}", "alarme : {{result}}")},
		ask{"sum by (result) (increase(vigie_heartbeats_total[$__rate_interval]))", say("heartbeat: {{result}}", "battement : {{result}}")})
	b.graph(8, 8, say("Room of the database", "Place de la base"), say("Free share of its disk.", "Part libre de son disque."), "percentunit", ask{"min(vigie_store_disk_free_bytes / vigie_store_disk_size_bytes)", say("free", "libre")})
}

package dashboards

// storage is where backups lie: room, growth, and when it ends.
func storage(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "storage", say("Backups: storage", "Sauvegardes : stockage"),
		say("Repositories, quotas and licences.", "Dépôts, quotas et licences."), "now-30d")
	b.chooseCustomer(true)
	const mine = `customer=~"$customer"`
	const by = "source, customer, repository"
	b.stat(8, 5, say("Repositories out of reach", "Dépôts hors d'atteinte"), say("Repositories that their product cannot reach.", "Dépôts que leur produit n'atteint pas."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"count(backup_repository_online{" + mine + "} == 0)\n  or\n0 * count(backup_repository_online{" + mine + "})", say("out of reach", "hors d'atteinte")})
	b.stat(8, 5, say("Full within 30 days", "Pleins d'ici 30 jours"), say("If they go on filling as in the last week.", "S'ils continuent à se remplir comme la semaine passée."), FieldDefaults{Unit: "none", Thresholds: none()},
		ask{"count(predict_linear(backup_repository_free_bytes{" + mine + "}[7d], 30 * 86400) < 0)\n  or\n0 * count(backup_repository_free_bytes{" + mine + "})", say("repositories", "dépôts")})
	b.stat(8, 5, say("Free", "Libre"), say("Of all chosen repositories.", "Sur tous les dépôts choisis."), FieldDefaults{Unit: "bytes"},
		ask{"sum(backup_repository_free_bytes{" + mine + "})", say("free", "libre")})
	b.table(24, 10, say("Repositories", "Dépôts"), say("Days until full: at the pace of the last week; absent while it does not grow.", "Jours avant saturation : au rythme de la semaine passée ; absent s'il ne grossit pas."), sorted{say("Used", "Utilisé"), true},
		[]column{{field: "source", title: "Source"}, b.customerColumn(), {field: "repository", title: say("Repository", "Dépôt")},
			{field: "Value #A", title: say("Reachable", "Accessible"), unit: "bool_yes_no", colours: steps(0.0, red, 1.0, green)},
			{field: "Value #B", title: say("Capacity", "Capacité"), unit: "bytes"}, {field: "Value #C", title: say("Free", "Libre"), unit: "bytes"},
			{field: "Value #D", title: say("Used", "Utilisé"), unit: "percentunit", colours: steps(0.8, orange, 0.9, red)},
			{field: "Value #E", title: say("Growth a day", "Croissance par jour"), unit: "bytes"},
			{field: "Value #F", title: say("Full in", "Plein dans"), unit: "dtdurations", colours: steps(0.0, red, 7*86400.0, orange, 30*86400.0, plain)}},
		ask{expr: "min by (" + by + ") (backup_repository_online{" + mine + "})"}, ask{expr: "max by (" + by + ") (backup_repository_capacity_bytes{" + mine + "})"},
		ask{expr: "min by (" + by + ") (backup_repository_free_bytes{" + mine + "})"},
		ask{expr: "1 - min by (" + by + ") (backup_repository_free_bytes{" + mine + "}) / max by (" + by + ") (backup_repository_capacity_bytes{" + mine + "})"},
		ask{expr: "-86400 * max by (" + by + ") (deriv(backup_repository_free_bytes{" + mine + "}[7d]))"},
		ask{expr: "min by (" + by + ") (backup_repository_free_bytes{" + mine + "}) / (-1 * max by (" + by + ") (deriv(backup_repository_free_bytes{" + mine + "}[7d])) > 0)"})
	b.graph(12, 8, say("Free room", "Place libre"), say("A line a repository.", "Une ligne par dépôt."), "bytes", ask{"min by (" + by + ") (backup_repository_free_bytes{" + mine + "})", "{{repository}} ({{customer}})"})
	b.graph(12, 8, say("Processed by the last runs", "Traité par les dernières exécutions"), say("By customer.", "Par client."), "bytes", ask{"sum by (customer) (backup_job:last_size_bytes:named{" + mine + "})", "{{customer}}"})
	b.table(12, 8, say("Quotas", "Quotas"), say("Of subscribed items, in the unit beside them.", "Des éléments souscrits, dans l'unité indiquée."), sorted{say("Used", "Utilisé"), true},
		[]column{b.customerColumn(), {field: "item", title: say("Item", "Élément")}, {field: "unit", title: say("Unit", "Unité")}, {field: "Value #A", title: say("Amount", "Quantité")},
			{field: "Value #B", title: say("Limit", "Limite")}, {field: "Value #C", title: say("Used", "Utilisé"), unit: "percentunit", colours: steps(0.8, orange, 0.9, red)}},
		ask{expr: "max by (source, customer, item, unit) (backup_quota_used{" + mine + "})"}, ask{expr: "max by (source, customer, item, unit) (backup_quota_limit{" + mine + "})"},
		ask{expr: "max by (source, customer, item, unit) (backup_quota_used{" + mine + "}) / max by (source, customer, item, unit) (backup_quota_limit{" + mine + "} > 0)"})
	b.table(12, 8, say("Licences", "Licences"), say("When a licence or subscription ends.", "Quand une licence ou un abonnement prend fin."), sorted{say("Ends", "Fin"), false},
		[]column{b.customerColumn(), {field: "item", title: say("Item", "Élément")}, {field: "Value", title: say("Ends", "Fin"), unit: "dateTimeFromNow"}},
		ask{expr: "1000 * min by (source, customer, item) (backup_license_expiry_timestamp_seconds{" + mine + "})"})
	b.copies(mine)
	return b
}

// copies has one row a machine: how many copies of its data there must be and are, and
// where they lie.
func (b *board) copies(mine string) {
	say := b.l.say
	const by = "customer, machine, machine_class"
	of := func(metric, property string) string {
		return "max by (" + by + ") (" + metric + "{" + mine + ",property=\"" + property + "\"})"
	}
	count := func(title, description, expr string) {
		b.stat(12, 5, title, description, FieldDefaults{Unit: "none", Thresholds: none()}, ask{"count(" + expr + ")\n  or\n0 * count(" + of("vigie_copies_expected", "all") + ")", "machines"})
	}
	count(say("Machines with one copy alone", "Machines avec une seule copie"), say("By the inventory, beside the data on the machine itself.", "D'après l'inventaire, hors données présentes sur la machine même."), of("vigie_copies_expected", "all")+" == 1")
	count(say("Machines with no copy known to be off-site", "Machines sans copie connue hors site"), say("The inventory says of none of their copies that it lies off-site.", "L'inventaire ne dit d'aucune de leurs copies qu'elle se trouve hors site."), of("vigie_copies_expected", "offsite")+" == 0")
	b.table(24, 10, say("Copies of each machine", "Copies de chaque machine"), say("Good: the last success of a copy's plans is not overdue. Media, off-site and immutable are those of the good copies. A dash: nobody could say it lately.", "Bonnes : le dernier succès des plans de la copie n'est pas en retard. Supports, hors site et immuables sont ceux des bonnes copies. Un tiret : personne n'a pu le dire récemment."), sorted{say("Good", "Bonnes"), false},
		[]column{b.customerColumn(), b.machineColumn(), {field: "Value #A", title: say("Expected", "Prévues"), colours: steps(0.0, red, 1.0, orange, 2.0, plain)}, {field: "Value #B", title: say("Good", "Bonnes"), colours: steps(0.0, red, 1.0, orange, 2.0, plain)},
			{field: "Value #C", title: say("Media", "Supports")}, {field: "Value #D", title: say("Off-site expected", "Hors site prévues"), colours: steps(0.0, orange, 1.0, plain)},
			{field: "Value #E", title: say("Good off-site", "Bonnes hors site"), colours: steps(0.0, red, 1.0, plain)}, {field: "Value #F", title: say("Good immutable", "Bonnes immuables")}},
		ask{expr: of("vigie_copies_expected", "all")}, ask{expr: of("vigie_copies_good", "all")}, ask{expr: of("vigie_copies_good", "media")},
		ask{expr: of("vigie_copies_expected", "offsite")}, ask{expr: of("vigie_copies_good", "offsite")}, ask{expr: of("vigie_copies_good", "immutable")})
}

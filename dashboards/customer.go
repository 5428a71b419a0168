package dashboards

// customer is what an account manager shows a client.
func customer(o Options) *board {
	say := o.Language.say
	b := newBoard(o, "customer", say("Backups: customer", "Sauvegardes : client"),
		say("One customer: what is protected, what is not, and how the last weeks went.", "Un client : ce qui est protégé, ce qui ne l'est pas, et les dernières semaines."), "now-35d")
	b.chooseCustomer(false)
	const mine = `customer=~"$customer"`
	b.stat(6, 5, say("Machines with a good backup", "Machines avec une sauvegarde valable"),
		say("Share of the customer's machines of which at least one backup is known to be good.", "Part des machines du client dont au moins une sauvegarde est tenue pour bonne."),
		FieldDefaults{Unit: "percentunit", Thresholds: steps(0.0, red, 0.9, orange, 1.0, green)}, ask{protected(mine), "{{customer}}"})
	b.statesStat(18, 5, say("Backups by state", "Sauvegardes par état"),
		say("One plan on one machine is one backup.", "Un plan sur une machine est une sauvegarde."), "backup_job:state", mine)
	b.fleetRows(mine)
	b.days(24, 10, say("The last 35 days", "Les 35 derniers jours"),
		say("The worst state of each machine at the end of each day. A blank day was not recorded; it says nothing.", "Le pire état de chaque machine à la fin de chaque jour. Un jour vide n'a pas été enregistré ; il ne dit rien."),
		ask{code("machine:backup_state:worst", mine, "machine"), "{{machine}}"})
	b.graph(12, 8, say("Share with a good backup", "Part avec une sauvegarde valable"),
		say("Of all machines that are known in a product or in the inventory.", "De toutes les machines connues d'un produit ou de l'inventaire."), "percentunit", ask{protected(mine), "{{customer}}"})
	b.graph(12, 8, say("Data processed by the last runs", "Données traitées par les dernières exécutions"),
		say("What the products say that the last run of each backup has processed.", "Ce que les produits disent avoir traité à la dernière exécution de chaque sauvegarde."), "bytes",
		ask{"sum by (engine) (backup_job:last_size_bytes:named{" + mine + "})", "{{engine}}"})
	b.missing(mine)
	b.alerts(12, 8, say("Alerts", "Alertes"), mine, b.machineColumn(), column{field: "backup_role", title: say("Role", "Rôle")})
	return b
}

// fleetRows are the machines of one customer, all states.
func (b *board) fleetRows(mine string) {
	say := b.l.say
	role := func(r string) ask {
		return ask{expr: code("machine:backup_state:worst", mine+`,backup_role="`+r+`"`, "customer, machine, machine_class")}
	}
	b.table(24, 10, say("Machines", "Machines"), say("The worst state of each role, and the age of the last success at the time of the data.", "Le pire état de chaque rôle, et l'âge du dernier succès à l'heure des données."),
		sorted{say("Primary", "Principale"), true},
		[]column{b.machineColumn(), {field: "machine_class", title: say("Class", "Classe")},
			{field: "Value #A", title: say("Primary", "Principale"), states: true}, {field: "Value #B", title: say("Local", "Locale"), states: true},
			{field: "Value #C", title: say("Age of the last success", "Âge du dernier succès"), unit: "dtdurations"}},
		role("primary"), role("local"), ask{expr: age(mine, "customer, machine, machine_class")})
}

// missing are plans that the inventory expects and no product lists.
func (b *board) missing(mine string) {
	say := b.l.say
	b.table(12, 8, say("Expected and not there", "Attendues et absentes"),
		say("Plans of the inventory that no product lists.", "Plans de l'inventaire qu'aucun produit ne liste."), sorted{},
		[]column{b.machineColumn(), {field: "backup_role", title: say("Role", "Rôle")}, {field: "engine", title: say("Product", "Produit")}, {field: "plan", title: "Plan"}},
		ask{expr: "max by (customer, machine, backup_role, engine, plan) (backup_inventory_plan_listed{" + mine + "}) == 0"})
}

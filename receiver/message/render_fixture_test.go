package message

import (
	"fmt"
	"strconv"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// The people and machines of the examples (requirements 0.1).

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, paris)
}

var (
	sup    = incident.Party{Role: "supervisor", Person: "sup", Name: "Sophie Perrin", Address: "sup@msp.example"}
	adm1   = incident.Party{Role: "assignee", Person: "adm1", Name: "Alain Durand", Address: "adm1@msp.example"}
	am     = incident.Party{Role: "account_manager", Person: "am.dupont", Name: "Anne Martin", Address: "am.dupont@msp.example"}
	expert = incident.Party{Role: "trace_queue", Person: "expert", Name: "Expert", Address: "expert@msp.example"}
	vijay  = incident.Party{Role: "backup_lead", Person: "vijay", Name: "Vijay", Address: "vijay@msp.example"}
	lea    = incident.Party{Role: "client_contact", Person: "lea", User: true, Outside: true, Name: "Léa Bernard", Address: "lea@dupont.example", Phone: "05 61 00 00 07"}
	it     = incident.Party{Role: "client_contact", Person: "it", Outside: true, Name: "Karim Petit", Address: "it@dupont.example", Phone: "05 61 00 00 01"}
	op     = incident.Party{Role: "operator", Person: "op", Name: "Olga Pons", Address: "op@apl.example"}
	l3     = incident.Party{Role: "level3", Person: "l3", Name: "Niveau 3", Address: "l3@apl.example"}
	expl   = incident.Party{Role: "exploitation_manager", Person: "exploit", Name: "Emma Blanc", Address: "exploit@lms-a.example"}
)

func to(ps ...incident.Party) []incident.Party { return ps }

func server() incident.MessageData {
	return incident.MessageData{
		Number: 123, Scenario: "server", ScenarioText: "Serveur ou NAS", Customer: "dupont", CustomerName: "Dupont",
		Machine: "SRV-AD", MachineClass: "server", BackupRole: "primary", Engine: "acronis", Kind: "failed",
		Plans: []incident.PlanRow{{Machine: "SRV-AD", Plan: "Quotidien serveurs", Engine: "acronis", Role: "primary", Kind: "failed",
			LastSuccess: at("2025-03-08 02:10"), Failures: 2, Error: "0x1350016: le stockage distant n'a plus d'espace libre"}},
		State: model.Open, Zone: "Europe/Paris",
		StartedAt: at("2025-03-09 02:14"), OpenedAt: at("2025-03-10 07:10"), LastSuccess: at("2025-03-08 02:10"),
		Failures: 2, Days: 2, Error: "0x1350016: le stockage distant n'a plus d'espace libre",
		AgentLastSeen: at("2025-03-10 07:05"), NextRun: at("2025-03-11 02:00"),
		Other: incident.Evidence{State: model.EvidenceOK, AskedAt: at("2025-03-10 07:10"), Role: "local", Engine: "veeam",
			Plan: "Job Nuit", LastSuccess: at("2025-03-10 01:02")},
		Deadline: at("2025-03-10 18:00"), NextStepAt: at("2025-03-10 16:00"),
		AccountManager: "Anne Martin", TraceQueue: "Expert", BackupLead: "Vijay", PolicyStep: "opened",
		Severity: "major", RunbookURL: "https://vigie.example/runbooks/BackupFailed",
	}
}

func local() incident.MessageData {
	f := server()
	f.Number, f.Scenario, f.ScenarioText = 141, "local", "Sauvegarde locale"
	f.BackupRole, f.Engine, f.Failures, f.Days = "local", "veeam", 1, 1
	f.StartedAt, f.LastSuccess = at("2025-03-10 01:30"), at("2025-03-09 01:02")
	f.Error = "Le dépôt \\\\NAS-01\\veeam n'est pas joignable (0x80070035)"
	f.Plans = []incident.PlanRow{{Machine: "SRV-AD", Plan: "Job Nuit", Engine: "veeam", Role: "local", Kind: "failed",
		LastSuccess: f.LastSuccess, Failures: 1, Error: f.Error}}
	f.Other = incident.Evidence{State: model.EvidenceUnknown, AskedAt: at("2025-03-10 07:10"), Role: "primary", Engine: "acronis"}
	f.NextRun = at("2025-03-11 01:00")
	return f
}

func workstation() incident.MessageData {
	return incident.MessageData{
		Number: 130, Scenario: "workstation", ScenarioText: "Poste client", Customer: "dupont", CustomerName: "Dupont",
		Machine: "PC-LEA", MachineClass: "workstation", BackupRole: "primary", Engine: "acronis", Kind: "missed", Offline: true,
		Plans: []incident.PlanRow{{Machine: "PC-LEA", Plan: "Postes", Engine: "acronis", Role: "primary", Kind: "missed"}},
		State: model.Open, Zone: "Europe/Paris",
		StartedAt: at("2025-03-10 12:30"), OpenedAt: at("2025-03-10 13:00"), LastSuccess: at("2025-03-07 12:34"),
		Days: 4, Failures: 2, AgentLastSeen: at("2025-03-07 18:20"), NextRun: at("2025-03-11 12:30"),
		AccountManager: "Anne Martin", TraceQueue: "Expert", BackupLead: "Vijay",
		Contact: lea, CallBefore: at("2025-03-18 09:30"), PolicyStep: "client_told",
		RunbookURL: "https://vigie.example/runbooks/BackupMissed",
	}
}

func platform() incident.MessageData {
	return incident.MessageData{
		Number: 77, Scenario: "platform", ScenarioText: "Incident Moodle", Customer: "lms-a", CustomerName: "Académie LMS",
		Platform: "lms-A", Alertname: "MoodleCronLate", Severity: "major", Provisional: true, Level: 2, Entry: "functional_probe",
		State: model.Open, Zone: "Europe/Paris", Scope: "part", Cause: "unknown",
		StartedAt: at("2025-03-10 10:00"), OpenedAt: at("2025-03-10 10:01"), ReceivedAt: at("2025-03-10 10:00"),
		Guarantee: "G1", NextStepAt: at("2025-03-10 11:00"), Grades: true,
		Clocks: []incident.ClockRow{
			{Target: "workaround", Due: at("2025-03-10 12:00")},
			{Target: "resolve", Due: at("2025-03-12 10:00")},
		},
		RunbookURL: "https://runbooks.apl.example/moodle-cron", GeneratorURL: "https://prometheus.apl.example/graph?g0.expr=moodle_cron",
		PolicyStep: "routed",
	}
}

func reported() incident.MessageData {
	f := platform()
	f.Number, f.Alertname, f.Entry, f.Reporter = 78, "", "l2_voluntary", "Emma Blanc"
	f.ReceivedAt, f.StartedAt = at("2025-03-10 14:00"), at("2025-03-10 14:00")
	f.Report = "Bonjour,\nles étudiants ne peuvent plus déposer leurs devoirs depuis midi.\nMessage affiché : « Erreur d'écriture »."
	f.NextStepAt = at("2025-03-10 15:00")
	f.Clocks = []incident.ClockRow{
		{Target: "workaround", Due: at("2025-03-10 16:00")},
		{Target: "resolution", Due: at("2025-03-12 14:00")},
	}
	return f
}

func said(f incident.MessageData) incident.MessageData {
	f.History = []incident.HistoryLine{
		{At: at("2025-03-10 07:10"), What: "opened"},
		{At: at("2025-03-10 07:11"), What: "mail", Text: "B1"},
		{At: at("2025-03-10 09:20"), What: "taken", Who: "Sophie Perrin"},
		{At: at("2025-03-10 09:45"), What: "attempt", Who: "Sophie Perrin", Text: "sauvegarde relancée à la main, même erreur"},
	}
	f.State, f.Assignee = model.Taken, "Sophie Perrin"
	return f
}

// example is the notification that the golden file of a template shows.
func example(template, lang string) []incident.Notification {
	n := incident.Notification{ID: "n1", IncidentID: "i123", Template: template, Language: lang, Step: "step", Episode: 1,
		DecidedAt: at("2025-03-10 07:10"), To: to(sup)}
	when := func(s string) { n.DecidedAt, n.HoldUntil = at(s), at(s).Add(time.Minute) }
	f := server()
	switch template {
	case "B1":
		f.History = []incident.HistoryLine{{At: at("2025-03-10 07:10"), What: "opened"}}
	case "B2":
		f = said(f)
		n.To, n.Cc = to(am), to(expert, vijay)
		f.Actor, f.Reason = "Sophie Perrin", "Le stockage est plein, il faut acheter de l'espace ou réduire la rétention."
		when("2025-03-10 10:00")
	case "B3", "B10":
		n.To, n.Cc = to(am, vijay), to(expert)
		f.Other = incident.Evidence{State: model.EvidenceKO, AskedAt: at("2025-03-10 11:00"), Role: "local", Engine: "veeam",
			Plan: "Job Nuit", LastSuccess: at("2025-03-09 01:02")}
		f.OtherTexts = []incident.PlanRow{{Machine: "SRV-AD", Plan: "Job Nuit", Engine: "veeam", Role: "local", Kind: "failed",
			LastSuccess: at("2025-03-09 01:02"), Failures: 1, Error: "Le dépôt n'est pas joignable"}}
		f.Flags = []model.Flag{model.FlagDoubleFailure}
		if template == "B10" {
			f = local()
			f.Other = incident.Evidence{State: model.EvidenceNone, AskedAt: at("2025-03-10 11:00")}
		}
		when("2025-03-10 11:00")
	case "B14":
		f = said(f)
		n.To, n.Cc = to(am, vijay), to(expert)
		when("2025-03-10 15:01")
	case "I1":
		f = incident.MessageData{Number: 153, Zone: "Europe/Paris", Alertname: "BackupRepositoryNearlyFull", Severity: "warning", State: model.Open,
			Customer: "dupont", CustomerName: "Dupont", Item: "NAS", StartedAt: at("2025-03-10 02:00"),
			ScenarioTitle: model.Text{"fr": "Stockage des sauvegardes", "en": "Backup storage"},
			Plans:         []incident.PlanRow{{Source: "veeam-1"}}, RunbookURL: "https://runbooks.msp.example/storage"}
	case "I2":
		f = incident.MessageData{Number: 154, Zone: "Europe/Paris", Alertname: "BackupLicenseExpiry", Severity: "critical", State: model.Open,
			Customer: "dupont", CustomerName: "Dupont", Item: "licence", WarnDays: "7", StartedAt: at("2025-03-10 02:00"),
			ExpiresAt: at("2025-03-17 02:00"), Plans: []incident.PlanRow{{Source: "acronis-1"}}}
		n.To, n.Cc = to(am), to(expert, vijay)
	case "B4":
		f = workstation()
		n.To, n.Cc = to(lea), to(expert, vijay)
		when("2025-03-11 09:30")
	case "B5", "B5n":
		f = workstation()
		f.State, f.Days = model.CallDue, 11
		when("2025-03-18 09:30")
		f.History = []incident.HistoryLine{{At: at("2025-03-11 09:30"), What: "mail", Text: "B4"}}
		if template == "B5n" {
			n.To, n.Cc = to(am), to(expert, vijay)
			f.Call = map[string]string{"outcome": "voicemail"}
			when("2025-03-20 09:30")
			f.Days = 13
		}
	case "B6":
		f = workstation()
		f.Days = 11
		f.Call = map[string]string{"outcome": "reached", "person": "Léa Bernard",
			"agreed": "En déplacement jusqu'à vendredi, laissera l'ordinateur allumé ce jour-là.", "next_date": "2025-03-21"}
		n.To, n.Cc = to(lea), to(expert, vijay)
		when("2025-03-18 10:12")
	case "B7":
		f = local()
		n.To = to(expert)
	case "B8":
		f = local()
		f.Assignee, f.AssignedBy = "Alain Durand", "Sophie Perrin"
		n.To = to(adm1)
		when("2025-03-10 10:00")
	case "B8q":
		f = local()
		f.Assignee = "Alain Durand"
		n.To = to(adm1)
		when("2025-03-10 15:00")
	case "B9":
		f = local()
		f.Assignee, f.Actor, f.ExpectedDate = "Alain Durand", "Alain Durand", "2025-03-12"
		f.Reason = "Le NAS doit être remplacé, la pièce arrive mercredi."
		f.Other = incident.Evidence{State: model.EvidenceOK, Role: "primary", Engine: "acronis", Plan: "Quotidien serveurs",
			LastSuccess: at("2025-03-10 02:12"), AskedAt: at("2025-03-10 11:15")}
		n.To, n.Cc = to(am), to(expert, vijay)
		when("2025-03-10 11:20")
	case "B11":
		f.AnswerBy = at("2025-03-11 12:00")
		f.History = []incident.HistoryLine{
			{At: at("2025-03-10 07:10"), What: "opened"},
			{At: at("2025-03-10 16:00"), What: "mail", Text: "B2"},
			{At: at("2025-03-10 18:00"), What: "breach", Text: ""},
		}
		n.To, n.Cc = to(am), to(expert, vijay)
		when("2025-03-10 18:01")
	case "B12":
		f = said(f)
		f.State, f.ResolvedAt, f.SizeBytes = model.Resolved, at("2025-03-10 14:32"), 48.2e9
		n.To, n.Cc = to(am), to(expert, vijay)
		when("2025-03-10 14:33")
	case "D2":
		when("2025-03-10 10:00")
	case "D3":
		f = said(f)
		f.SilenceBy, f.SilenceUntil = "Sophie Perrin", at("2025-03-10 14:00")
		when("2025-03-10 14:00")
	case "D4":
		f = workstation()
		f.Contact = incident.Party{}
		n.To = to(am)
		when("2025-03-11 09:30")
	case "D5":
		f = incident.MessageData{Number: 140, Zone: "Europe/Paris", Engine: "acronis", Alertname: "BackupSourceDown",
			StartedAt: at("2025-03-10 03:00"), OpenedAt: at("2025-03-10 03:45"), State: model.Open,
			RunbookURL: "https://vigie.example/runbooks/BackupSourceDown"}
		n.To, n.Cc = to(sup, vijay), nil
		when("2025-03-10 03:45")
	case "D6":
		f.State, f.Flags = model.Unverified, []model.Flag{model.FlagSignalLost}
		when("2025-03-10 12:00")
	case "D7":
		f.Refused = []string{"am.dupont@msp.example"}
		when("2025-03-10 16:02")
	case "D8":
		when("2025-03-11 09:00")
	case "shift-ends":
		had := adm1
		had.Role = "previous_assignee"
		n.To = to(had)
		when("2025-03-11 09:00")
	case "copy-failed":
		f.BackupRole, f.Engine = "copy", "synology"
		f.Plans[0].Plan, f.Plans[0].Role, f.Plans[0].Engine = "Hyper Backup vers C2", "copy", "synology"
		when("2025-03-10 07:10")
	case "P1":
		f = incident.MessageData{Number: 150, Zone: "Europe/Paris", Engine: "acronis", Kind: "failed", State: model.Open,
			Error: "0x01D00004: le centre de données refuse la connexion", StartedAt: at("2025-03-10 01:00"), OpenedAt: at("2025-03-10 03:00")}
		for i := range 30 {
			f.Affected = append(f.Affected, fmt.Sprintf("Client %d – SRV-%02d", i%4+1, i+1))
		}
		n.To = to(sup, vijay)
		when("2025-03-10 03:00")
	case "P2":
		f = incident.MessageData{Number: 151, Zone: "Europe/Paris", Customer: "dupont", CustomerName: "Dupont", State: model.Open,
			AccountManager: "Anne Martin", Affected: []string{"PC-01", "PC-02", "PC-03", "PC-LEA"}, StartedAt: at("2025-03-10 12:30")}
		when("2025-03-10 13:30")
	case "CATCH":
		f = incident.MessageData{Number: 152, Zone: "Europe/Paris", Alertname: "NodeFilesystemReadOnly", Severity: "critical", State: model.Open,
			StartedAt: at("2025-03-10 07:00"), Error: "/dev/sda1 on srv-mon is read-only",
			Summary: "Filesystem is read-only", Labels: []string{"device=/dev/sda1", "instance=srv-mon:9100", "job=node"},
			GeneratorURL: "https://prometheus.msp.example/graph?g0.expr=node_filesystem_readonly"}
	case "M1":
		f = platform()
		f.Flags = []model.Flag{model.FlagImmediate}
		n.To = to(op)
		when("2025-03-10 10:01")
	case "M2":
		f = platform()
		f.State, f.ResolvedAt, f.Cause, f.DataLoss, f.Provisional = model.Resolved, at("2025-03-10 10:07"), "int.volume", "none", false
		f.History = []incident.HistoryLine{{At: at("2025-03-10 10:07"), What: "resolve", Who: "op", Text: "Le service cron a été relancé et la file d'attente vidée.", Open: true}}
		f.Clocks = []incident.ClockRow{{Target: "resolution", Due: at("2025-03-12 10:00"), MetAt: at("2025-03-10 10:07")}}
		n.To = to(expl)
		when("2025-03-10 10:08")
	case "M3":
		f = reported()
		n.To = to(expl)
		when("2025-03-10 14:00")
	case "M4":
		f = reported()
		f.Provisional, f.Cause, f.Assignee = false, "int.settings", "Olga Pons"
		f.History = []incident.HistoryLine{{At: at("2025-03-10 14:40"), What: "qualify", Who: "op", Text: "Le dépôt de devoirs est une fonction importante, utilisée par tous les cours.", Open: true}}
		n.To = to(expl)
		when("2025-03-10 14:40")
	case "M5":
		f = reported()
		f.Level, f.Actor, f.Reason = 3, "Olga Pons", "La cause est dans le module de dépôt, hors de portée du niveau 2."
		f.Provisional = false
		f.History = []incident.HistoryLine{
			{At: at("2025-03-10 14:00"), What: "opened", Who: "Emma Blanc"},
			{At: at("2025-03-10 14:10"), What: "taken", Who: "Olga Pons"},
			{At: at("2025-03-10 14:40"), What: "qualify", Who: "Olga Pons", Text: "majeure"},
		}
		n.To, n.Cc = to(l3), to(expl)
		when("2025-03-10 15:00")
	case "M6":
		f = reported()
		f.Workaround = "1. Ouvrir le cours.\n2. Utiliser « Dépôt par courriel » en attendant.\nLes devoirs reçus ainsi seront rattachés par nos soins."
		f.Provisional = false
		n.To = to(expl)
		when("2025-03-10 15:40")
	case "M7":
		f = reported()
		f.Percent, f.Target, f.Assignee = 75, "workaround", "Olga Pons"
		n.To = to(op)
		when("2025-03-10 15:30")
	case "report-joined":
		f = reported()
		f.Assignee, f.ReceivedAt = "Olga Pons", at("2025-03-10 14:20")
		n.To = to(expl)
		when("2025-03-10 14:20")
	case "restoration-begun":
		f = reported()
		f.Grades, f.Actor, f.Assignee, f.Cause = true, "Olga Pons", "Olga Pons", "int.data_input"
		f.Clocks = []incident.ClockRow{{Target: "restoration", Due: at("2025-03-10 19:00")}}
		n.To = to(op)
		when("2025-03-10 15:00")
	case "unavailability-exceeded":
		f = platform()
		f.Unavailability = []incident.UnavailabilityRow{{Platform: "lms-A", Unavailability: incident.Unavailability{Month: "2025-03",
			Until: at("2025-03-10 14:20"), Down: 630 * time.Second, Unknown: time.Hour, Worst: 630 * time.Second, Tolerance: 10 * time.Minute, Per: "month"}}}
		n.To = to(op)
		when("2025-03-10 14:21")
	case "data-lost":
		f = reported()
		f.Grades, f.State, f.ResolvedAt, f.Cause, f.DataLoss = true, model.Resolved, at("2025-03-10 18:20"), "int.data_input", "2 %"
		n.To = to(op)
		when("2025-03-10 18:20")
	case "M8":
		f = platform()
		f.Item, f.WarnDays, f.ExpiresAt, f.Clocks = "certificate", "7", at("2025-03-17 23:59"), nil
		n.To = to(expl)
		when("2025-03-10 09:00")
	case "M11":
		f = said(reported())
		f.Assignee, f.Clocks = "Olga Pons", []incident.ClockRow{{Target: "resolve", Due: at("2025-03-12 14:00")}}
		n.To = to(op)
		when("2025-03-11 09:00")
	case "M12":
		f = reported()
		f.Again, f.ExpectedDate = incident.AgainPromise, "2025-03-11"
		n.To = to(expl)
		when("2025-03-11 19:00")
	case "M13":
		f = reported()
		f.State, f.ResolvedAt, f.Alertname = model.Unverified, at("2025-03-10 14:50"), "MoodleTasksFailed"
		n.To = to(op)
		when("2025-03-10 14:51")
	case "M9":
		f = reported()
		f.Grades = false
		f.Number, f.Entry, f.Report = 79, "user_assistance", "Comment inscrire une classe entière ?"
		f.Clocks = []incident.ClockRow{{Target: "take", Due: at("2025-03-17 10:00")}}
		f.Reopens = at("2025-03-17 09:00")
		n.To = to(expl)
		when("2025-03-15 12:00")
	case "assistance-done":
		f = reported()
		f.Grades, f.State, f.ResolvedAt = false, model.Resolved, at("2025-03-17 10:40")
		f.Number, f.Entry, f.Report = 79, "user_assistance", "Comment inscrire une classe entière ?"
		f.History = append(f.History, incident.HistoryLine{At: at("2025-03-17 10:40"), What: "resolve", Who: "Olga Pons", Text: "La classe est inscrite par son code.", Open: true})
		n.To = to(expl)
		when("2025-03-17 10:40")
	}
	n.Data = f
	switch template {
	case "D8":
		return bundle(n, 4)
	case "shift-ends":
		ns := bundle(n, 3)
		ns[2].Data.Customer, ns[2].Data.CustomerName = "martin", "Martin"
		return ns
	}
	return []incident.Notification{n}
}

// bundle makes several notifications of one, each for another machine.
func bundle(n incident.Notification, count int) []incident.Notification {
	ns := make([]incident.Notification, count)
	for i := range ns {
		ns[i] = n
		ns[i].IncidentID = fmt.Sprintf("i%d", n.Data.Number+i)
		ns[i].Data.Number += i
		if i > 0 {
			if n.Data.Platform != "" {
				ns[i].Data.Platform = fmt.Sprintf("lms-%d", i+1)
			} else {
				ns[i].Data.Machine = fmt.Sprintf("%s-%02d", n.Data.Machine, i+1)
			}
			ns[i].Data.Offline = i%2 == 1
			ns[i].Data.Days += i
		}
	}
	return ns
}

func exampleDigest(lang string) Digest {
	d := Digest{At: at("2025-03-11 09:00"), Zone: "Europe/Paris", Language: lang, To: to(sup), Good: 407, All: 412,
		Flaky:    []DigestLine{{What: "Dupont – NAS-01", Detail: "4 × / 14 j"}},
		Unsorted: []DigestLine{{What: "[Failed] Backup job", Detail: "veeam@dupont.example, 10/03 22:14"}},
		Chain: []DigestLine{{What: "acronis", Detail: "2 min"}, {What: "veeam-dupont", Detail: "47 min", Bad: true},
			{What: "Alertmanager", Detail: "20 s"}},
		Silences: []DigestSilence{
			{Matchers: []string{`customer="dupont"`}, By: "Alain Durand", Comment: "travaux", Until: at("2025-03-14 18:00"), Long: true, Broad: true},
			{Matchers: []string{`machine="SRV-AD"`}, By: "Alain Durand", Comment: "disque", Until: at("2025-03-11 18:00")}},
		Opened: []DigestLine{{What: "Serveurs et NAS", Detail: "2"}},
		Listed: []DigestListed{{Alertnames: []string{"BackupSizeDrop"}, What: "Dupont – NAS-01", Plan: "daily", Since: at("2025-03-10 22:40")},
			{Alertnames: []string{"BackupMachineWithout"}, What: "Martin – PC-ACCUEIL", Since: at("2025-03-03 09:00")}},
		Faults: []DigestFault{{Issue: "unmatched_machine", Count: 2, Of: []string{"Dupont – SRV-OLD", "Martin – PC-07"}}},
		Health: &DigestHealth{Watchdog: at("2025-03-11 08:59"), Sources: 3, Stale: []DigestSource{{"veeam-dupont", at("2025-03-11 08:13")}},
			Pending: 1, Oldest: at("2025-03-11 08:40"), Refused: []string{"am.dupont@msp.example"}},
		Due:  at("2025-03-11 08:30"),
		Seal: "17:9f2c61d04be8a7f09f2c61d04be8a7f09f2c61d04be8a7f09f2c61d04be8a7f0",
	}
	s, l, w, c := server(), local(), workstation(), workstation()
	s.Deadline, l.Deadline = at("2025-03-11 18:00"), at("2025-03-11 18:00")
	l.Assignee = "Alain Durand"
	c.Number, c.Machine, c.State = 118, "PC-MARC", model.CallDue
	for _, f := range []incident.MessageData{s, l, w, c} {
		d.Incidents = append(d.Incidents, incident.Notification{IncidentID: "i" + strconv.Itoa(f.Number), DecidedAt: d.At, Data: f})
	}
	return d
}

// tokens makes links that are stable in golden files.
func tokens(n incident.Notification, p incident.Party, purpose string) string {
	if purpose == "console" {
		return "https://console.acronis.example/"
	}
	if purpose == "dashboard" {
		return "https://grafana.msp.example/d/backup-fleet"
	}
	return purpose + "." + n.IncidentID + "." + p.Person
}

// outsideRole tells by the role of a party of the fixture whether it is a
// customer's.
func outsideRole(p incident.Party) bool {
	switch locale.KeyOf(p.Role) {
	case "supervisor", "account_manager", "trace_queue", "backup_lead", "assignee", "author",
		"admin", "admins", "operator", "operators", "next_operator", "level3", "level_3",
		"service_lead", "service_manager", "report_reader", "duty", "on_call", "deputy",
		"previous_assignee", "silence_authors", "told", "told_in_copy":
		return false
	}
	return true
}

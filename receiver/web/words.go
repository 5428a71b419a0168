package web

import (
	"strings"
	"time"

	"vigie/receiver"
	"vigie/rules"
	"vigie/rules/act"
)

// tongue says things in one language, for one page.
type tongue struct {
	code  string
	words map[string]string
	zone  *time.Location
	now   time.Time
}

// tongueOf is the language that somebody is known to speak; English when none of
// ours is.
func tongueOf(language string) *tongue {
	t := &tongue{code: "en", words: english(), zone: time.UTC}
	if strings.HasPrefix(language, "fr") {
		t.code, t.words = "fr", french()
	}
	return t
}

// word returns a text; "" when there is none.
func (t *tongue) word(key string) string { return t.words[key] }

// say fills in a text's parts, given as name, value, name, value.
func (t *tongue) say(key string, parts ...string) string {
	for i := range parts {
		if i%2 == 0 {
			parts[i] = "{" + parts[i] + "}"
		}
	}
	return strings.NewReplacer(parts...).Replace(t.words[key])
}

// moment is an instant on the wall of the policy's zone.
func (t *tongue) moment(at time.Time) string {
	at = at.In(t.zone)
	if t.code == "fr" {
		return at.Format("02/01/2006 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

// done says what became of an act.
func (t *tongue) done(o receiver.Opened, d rules.Decision) string {
	text := t.word("done." + o.Purpose)
	if text == "" {
		text = t.word("done")
	}
	if at := d.Incident.Progress.FollowUp; o.Verb == "answer" && !at.IsZero() && !o.Outside {
		text += " " + t.say("done.follow_up", "when", t.moment(at))
	}
	if len(d.Notifications) > 0 && !o.Outside {
		text += " " + t.word("done.mail")
	}
	return text
}

// otherwise says how to do it without this link.
func (p *page) otherwise(o receiver.Opened) {
	if o.Outside {
		p.Notes = append(p.Notes, p.word("otherwise.outside"))
		return
	}
	p.Notes = append(p.Notes, p.word("otherwise"))
	if o.Grant.Incident != "" {
		p.CommandLabel = p.word("otherwise.command")
		p.Command = act.Command(o.Purpose, o.Grant.Incident)
		if o.Verb == "" {
			p.Command = "vigie explain " + o.Grant.Incident
		}
	}
}

func english() map[string]string {
	return map[string]string{
		"title.take": "Take this incident", "title.assign": "Assign this incident", "title.escalate": "Tell the account manager",
		"title.forecast_yes": "It will be fixed today", "title.forecast_no": "It will not be fixed today", "title.answer": "Your answer",
		"title.check_ok": "The other backup works", "title.check_ko": "The other backup does not work", "title.call": "Record the call",
		"title.silence": "Silence while I work", "title.note": "Add a note", "title.attempt": "Note what you did", "title.resolve": "It is solved",
		"title.close": "Close the incident", "title.reopen": "It still fails", "title.incident": "The incident", "title.": "Vigie",
		"button.take": "I take it", "button.assign": "Assign it", "button.escalate": "Tell the account manager", "button.forecast_yes": "Yes, today",
		"button.forecast_no": "Not today", "button.answer": "Send the answer", "button.check_ok": "Confirm: it works", "button.check_ko": "Confirm: it does not work",
		"button.call": "Record the call", "button.silence": "Silence it", "button.note": "Add the note", "button.attempt": "Note it", "button.resolve": "It is solved",
		"button.close": "Close it", "button.reopen": "It still fails",
		"title.immediate": "It is put right at once", "title.qualify": "Qualify this incident", "title.workaround": "Propose a workaround",
		"title.cascade": "Hand it to level 3", "title.promote": "Make it an incident", "title.merge": "Merge it with another incident",
		"title.restore": "A restore begins", "title.restore_verified": "The restore is good", "title.pause": "It waits for the customer",
		"title.resume": "The wait is over", "title.decommission": "The machine is gone", "title.rebase": "Move it to the present policy",
		"title.waive":      "Go on without a refused address",
		"button.immediate": "I put it right at once", "button.qualify": "Qualify it", "button.workaround": "Propose it", "button.cascade": "Hand it over",
		"button.promote": "It is an incident", "button.merge": "Merge it", "button.restore": "The restore begins", "button.restore_verified": "The restore is good",
		"button.pause": "Stop the clocks", "button.resume": "Let the clocks run", "button.decommission": "The machine is gone", "button.rebase": "Move it",
		"button.waive":   "Go on without it",
		"verb.immediate": "is putting it right at once:", "verb.promote": "made it an incident:", "verb.merge": "merged it with another incident:",
		"verb.restore": "began a restore:", "verb.restore_verified": "verified the restore:", "verb.pause": "stopped the clocks:", "verb.resume": "let the clocks run again:",
		"verb.decommission": "said that the machine is gone:", "verb.rebase": "moved it to the policy in force:", "verb.waive": "went on without a refused address:",
		"field.severity": "Severity", "field.scope": "Whom it hits", "field.text": "How to work meanwhile", "field.level": "Level", "field.into": "The incident that goes on",
		"field.waive.to": "The refused address", "field.restore_verified.note": "How you verified it",
		"severity.minor": "minor", "severity.major": "major", "severity.blocking": "blocking", "qualify.all": "everybody", "qualify.part": "a part",
		"cascade.2": "level 2", "cascade.3": "level 3", "cause.unknown": "unknown",
		"fact.customer": "Customer", "fact.machine": "Machine", "fact.platform": "Platform", "fact.role": "Backup", "fact.state": "State", "fact.assignee": "Who has it",
		"fact.since": "Since", "fact.deadline": "Due", "fact.error": "Error", "fact.silence": "Silenced",
		"role.primary": "cloud", "role.local": "local",
		"state.open": "open", "state.taken": "taken", "state.waiting": "waiting for the customer", "state.call_due": "to be called", "state.worked_around": "worked around",
		"state.unverified": "ended without proof", "state.resolved": "resolved", "state.closed": "closed",
		"who": "Who are you?", "choose": "Choose …", "as": "You act as {who}.", "silence_by": "by {who} until {when}",
		"field.force": "Take it over from whoever has it", "field.to": "To", "field.reason": "Why", "field.expected_date": "Expected on", "field.note": "Note",
		"field.attempt.note": "What you did", "field.outcome": "Outcome", "field.person": "Whom you spoke to", "field.next_date": "Next date agreed",
		"field.until": "Until", "field.comment": "What you are doing", "field.cause": "Cause", "field.data_loss": "Data lost", "field.result": "Your answer",
		"field.answer.note": "Anything we should know", "field.resolve.note": "What was done", "field.reopen.note": "What still fails",
		"hint.answer.until": "If you are away: the day you are back.", "hint.call.next_date": "Leave it empty for the usual delay.",
		"hint.silence.until":     "At the latest until {when}, the end of the service day. Deadlines go on; reminders to you rest.",
		"hint.resolve.data_loss": "none, or what was lost. Required after a restore and for some causes.",
		"answer.done":            "It is done: the computer is on and connected", "answer.away": "I am away until …", "answer.call_me": "Please call me", "answer.not_mine": "This is not my computer any more",
		"outcome.reached": "reached", "outcome.voicemail": "voicemail", "outcome.refused": "refused", "outcome.wrong_number": "wrong number",
		"close.decommissioned": "the machine is gone", "close.plan removed": "the plan was removed", "close.duplicate": "duplicate", "close.accepted risk": "the risk is accepted",
		"verb.take": "took it", "verb.assign": "assigned it", "verb.note": "noted:", "verb.attempt": "tried:", "verb.forecast": "said whether today:", "verb.escalate": "told the account manager:",
		"verb.answer": "answered:", "verb.call": "called:", "verb.check_other": "checked the other backup:", "verb.silence": "silenced it:", "verb.resolve": "resolved it:",
		"verb.close": "closed it:", "verb.reopen": "reopened it:", "verb.qualify": "qualified it", "verb.workaround": "proposed a workaround", "verb.cascade": "handed it to level 3:",
		"history": "What was done",
		"done":    "Done. It is kept with the incident.", "done.take": "It is yours. Reminders to others stop.", "done.assign": "Assigned; the person is told.",
		"done.answer": "Thank you. Your answer is kept and the team sees it.", "done.silence": "Silenced. Deadlines go on, and you are told when the silence ends unrepaired.",
		"done.follow_up": "Next look at it: {when}.", "done.mail": "The mails that follow from it leave within a minute.",
		"refused": "That was not possible:", "later": "Nothing was done; please try again in a moment.",
		"used": "This link was used already, on {when} by {who}. Nothing was done again.", "expired": "This link stopped to work on {when}. Nothing was done.",
		"forged_title": "This link does not work", "forged": "It is not as it was sent. Open it from the mail itself, or copy it whole.",
		"gone_title": "Nothing is here any more", "gone": "The incident is not kept any more.",
		"otherwise":         "A newer mail of the incident has links that work. With your own token you can do the same from the command line at any time.",
		"otherwise.command": "From the command line:", "otherwise.outside": "Please reply to the mail instead: your answer reaches us.",
	}
}

func french() map[string]string {
	return map[string]string{
		"title.take": "Prendre cet incident", "title.assign": "Affecter cet incident", "title.escalate": "Prévenir le gestionnaire de compte",
		"title.forecast_yes": "Ce sera réglé aujourd'hui", "title.forecast_no": "Ce ne sera pas réglé aujourd'hui", "title.answer": "Votre réponse",
		"title.check_ok": "L'autre sauvegarde fonctionne", "title.check_ko": "L'autre sauvegarde ne fonctionne pas", "title.call": "Noter l'appel",
		"title.silence": "Silence pendant que je travaille", "title.note": "Ajouter une note", "title.attempt": "Noter ce qui a été fait", "title.resolve": "C'est résolu",
		"title.close": "Clore l'incident", "title.reopen": "Ce n'est pas réglé", "title.incident": "L'incident", "title.": "Vigie",
		"button.take": "Je m'en occupe", "button.assign": "Affecter", "button.escalate": "Prévenir le gestionnaire de compte", "button.forecast_yes": "Oui, aujourd'hui",
		"button.forecast_no": "Pas aujourd'hui", "button.answer": "Envoyer la réponse", "button.check_ok": "Confirmer : elle fonctionne", "button.check_ko": "Confirmer : elle ne fonctionne pas",
		"button.call": "Noter l'appel", "button.silence": "Mettre en silence", "button.note": "Ajouter la note", "button.attempt": "Noter", "button.resolve": "C'est résolu",
		"button.close": "Clore", "button.reopen": "Ce n'est pas réglé",
		"title.immediate": "C'est réparable tout de suite", "title.qualify": "Qualifier cet incident", "title.workaround": "Proposer un contournement",
		"title.cascade": "Passer au niveau 3", "title.promote": "En faire un incident", "title.merge": "Réunir avec un autre incident",
		"title.restore": "Une restauration commence", "title.restore_verified": "La restauration est bonne", "title.pause": "En attente du client",
		"title.resume": "L'attente est finie", "title.decommission": "La machine n'existe plus", "title.rebase": "Passer à la politique actuelle",
		"title.waive":      "Continuer sans une adresse refusée",
		"button.immediate": "Je répare tout de suite", "button.qualify": "Qualifier", "button.workaround": "Proposer", "button.cascade": "Passer la main",
		"button.promote": "C'est un incident", "button.merge": "Réunir", "button.restore": "La restauration commence", "button.restore_verified": "La restauration est bonne",
		"button.pause": "Arrêter les délais", "button.resume": "Reprendre les délais", "button.decommission": "La machine n'existe plus", "button.rebase": "Changer de politique",
		"button.waive":   "Continuer sans elle",
		"verb.immediate": "répare tout de suite :", "verb.promote": "en a fait un incident :", "verb.merge": "l'a réuni avec un autre incident :",
		"verb.restore": "a commencé une restauration :", "verb.restore_verified": "a vérifié la restauration :", "verb.pause": "a arrêté les délais :", "verb.resume": "a repris les délais :",
		"verb.decommission": "a dit que la machine n'existe plus :", "verb.rebase": "l'a passé à la politique en vigueur :", "verb.waive": "a continué sans une adresse refusée :",
		"field.severity": "Gravité", "field.scope": "Qui est touché", "field.text": "Comment travailler en attendant", "field.level": "Niveau", "field.into": "L'incident qui continue",
		"field.waive.to": "L'adresse refusée", "field.restore_verified.note": "Comment vous l'avez vérifiée",
		"severity.minor": "mineure", "severity.major": "majeure", "severity.blocking": "bloquante", "qualify.all": "tout le monde", "qualify.part": "une partie",
		"cascade.2": "niveau 2", "cascade.3": "niveau 3", "cause.unknown": "inconnue",
		"fact.customer": "Client", "fact.machine": "Machine", "fact.platform": "Plate-forme", "fact.role": "Sauvegarde", "fact.state": "État", "fact.assignee": "Qui l'a",
		"fact.since": "Depuis", "fact.deadline": "Échéance", "fact.error": "Erreur", "fact.silence": "Silence",
		"role.primary": "cloud", "role.local": "locale",
		"state.open": "ouvert", "state.taken": "pris", "state.waiting": "en attente du client", "state.call_due": "à appeler", "state.worked_around": "contourné",
		"state.unverified": "terminé sans preuve", "state.resolved": "résolu", "state.closed": "clos",
		"who": "Qui êtes-vous ?", "choose": "Choisir …", "as": "Vous agissez en tant que {who}.", "silence_by": "par {who} jusqu'au {when}",
		"field.force": "Le reprendre à la personne qui l'a", "field.to": "À", "field.reason": "Pourquoi", "field.expected_date": "Prévu le", "field.note": "Note",
		"field.attempt.note": "Ce qui a été fait", "field.outcome": "Résultat", "field.person": "Interlocuteur", "field.next_date": "Prochaine date convenue",
		"field.until": "Jusqu'au", "field.comment": "Ce que vous faites", "field.cause": "Cause", "field.data_loss": "Données perdues", "field.result": "Votre réponse",
		"field.answer.note": "Ce que nous devons savoir", "field.resolve.note": "Ce qui a été fait", "field.reopen.note": "Ce qui ne fonctionne toujours pas",
		"hint.answer.until": "Si vous êtes absent : le jour de votre retour.", "hint.call.next_date": "Laisser vide pour le délai habituel.",
		"hint.silence.until":     "Au plus tard jusqu'au {when}, fin de la journée de service. Les échéances continuent ; vos rappels se reposent.",
		"hint.resolve.data_loss": "none, ou ce qui a été perdu. Obligatoire après une restauration et pour certaines causes.",
		"answer.done":            "C'est fait : l'ordinateur est allumé et connecté", "answer.away": "Je suis absent jusqu'au …", "answer.call_me": "Rappelez-moi", "answer.not_mine": "Ce n'est plus mon ordinateur",
		"outcome.reached": "joint", "outcome.voicemail": "message laissé", "outcome.refused": "refus", "outcome.wrong_number": "faux numéro",
		"close.decommissioned": "la machine n'existe plus", "close.plan removed": "le plan a été supprimé", "close.duplicate": "doublon", "close.accepted risk": "risque accepté",
		"verb.take": "l'a pris", "verb.assign": "l'a affecté", "verb.note": "note :", "verb.attempt": "a essayé :", "verb.forecast": "a dit si c'est aujourd'hui :", "verb.escalate": "a prévenu le gestionnaire :",
		"verb.answer": "a répondu :", "verb.call": "a appelé :", "verb.check_other": "a vérifié l'autre sauvegarde :", "verb.silence": "l'a mis en silence :", "verb.resolve": "l'a résolu :",
		"verb.close": "l'a clos :", "verb.reopen": "l'a rouvert :", "verb.qualify": "l'a qualifié", "verb.workaround": "a proposé un contournement", "verb.cascade": "l'a passé au niveau 3 :",
		"history": "Ce qui a été fait",
		"done":    "C'est fait, et gardé avec l'incident.", "done.take": "Il est à vous. Les rappels aux autres cessent.", "done.assign": "Affecté ; la personne est prévenue.",
		"done.answer": "Merci. Votre réponse est gardée et l'équipe la voit.", "done.silence": "En silence. Les échéances continuent, et vous serez prévenu si le silence se termine sans réparation.",
		"done.follow_up": "Prochain point : {when}.", "done.mail": "Les mails qui en découlent partent dans la minute.",
		"refused": "Ce n'était pas possible :", "later": "Rien n'a été fait ; réessayez dans un instant.",
		"used": "Ce lien a déjà servi, le {when} par {who}. Rien n'a été refait.", "expired": "Ce lien ne fonctionne plus depuis le {when}. Rien n'a été fait.",
		"forged_title": "Ce lien ne fonctionne pas", "forged": "Il n'est pas tel qu'il a été envoyé. Ouvrez-le depuis le mail, ou copiez-le en entier.",
		"gone_title": "Il n'y a plus rien ici", "gone": "L'incident n'est plus conservé.",
		"otherwise":         "Un mail plus récent de l'incident a des liens qui fonctionnent. Avec votre propre jeton, la ligne de commande permet la même chose à tout moment.",
		"otherwise.command": "En ligne de commande :", "otherwise.outside": "Répondez simplement au mail : votre réponse nous parvient.",
	}
}

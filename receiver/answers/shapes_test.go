package answers

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var own = Addresses{Replies: "answers@msp.example", Bounces: "bounce@msp.example", Separator: "+"}

const token = "abcdefghijklmnopqrstuvwxyz"

// The shapes of delivery reports: of RFC 3464 and 6533 as Postfix writes them
// (bounce(5)), of Exim with its own header and its fields in another order, and of
// OpenSMTPD, which are no multipart/report and give the reason in the text alone.
func TestShapesOfBounces(t *testing.T) {
	part := func(kind, text string) string { return "--b\nContent-Type: " + kind + "\n\n" + text + "\n" }
	mail := func(head string, parts ...string) string { return head + "\n\n" + strings.Join(parts, "") + "--b--\n" }
	report := "Return-Path: <>\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: bounce+" + token + "@msp.example\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b"
	original := "Message-ID: <aaaa@msp.example>\nSubject: [#12]\n\nthe text\nMessage-ID: <not-this@msp.example>\n"
	for name, x := range map[string]struct {
		raw             string
		sort            Sort
		detail, address string
	}{
		"Postfix": {mail(report, part("text/plain", "I'm sorry"),
			part("message/delivery-status", "Reporting-MTA: dns; mx.example\nX-Postfix-Sender: rfc822; bounce@msp.example\n\nFinal-Recipient: rfc822; inner@host.example\nOriginal-Recipient: rfc822;Lea@Dupont.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <lea@dupont.example>:\n    Recipient address rejected"),
			part("message/rfc822", original)), Bounced, "5.1.1 550 5.1.1 <lea@dupont.example>: Recipient address rejected", "lea@dupont.example"},
		"Postfix of a mail with SMTPUTF8": {mail(report, part("text/plain", "I'm sorry"),
			part("message/global-delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: x-unix; mailbox full"),
			part("message/global-headers", original)), Bounced, "5.2.2 mailbox full", "lea@dupont.example"},
		"Exim": {mail(strings.Replace(report, "MIME-Version", "X-Failed-Recipients: inner@host.example\nReferences: <aaaa@msp.example>\nMIME-Version", 1), part("text/plain", "This message was created automatically"),
			part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nAction: failed\nFinal-Recipient: rfc822;lea@dupont.example\nStatus: 5.0.0\nRemote-MTA: dns; far.example\nDiagnostic-Code: smtp; 552 5.2.2 over quota"),
			part("message/rfc822", original)), Bounced, "5.0.0 552 5.2.2 over quota", "lea@dupont.example"},
		"OpenSMTPD": {mail("Return-Path: <>\nFrom: Mailer Daemon <MAILER-DAEMON@mx.example>\nTo: bounce+"+token+"@msp.example\nSubject: Delivery status notification: failed\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b",
			part("text/plain", "    Hi!\n\n    lea@dupont.example: 550 5.1.1 no such user"),
			part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: failed\nStatus: 5.0.0"),
			part("text/rfc822-headers", original)), Bounced, "5.0.0 550 5.1.1 no such user", "lea@dupont.example"},
		"delayed": {mail(report, part("text/plain", "not yet"), part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: Tue, 10 Mar 2026 09:32:00 +0100"),
			part("text/rfc822-headers", original)), Delayed, "4.4.1", "lea@dupont.example"},
		"one of two failed": {mail(report, part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; a@dupont.example\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: delayed\nStatus: 4.4.1"),
			part("text/rfc822-headers", original)), Bounced, "5.1.1", "lea@dupont.example"},
		"delivered":   {mail(report, part("message/delivery-status", "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: delivered\nStatus: 2.0.0")), Receipt, "", "lea@dupont.example"},
		"words alone": {mail(report, part("text/plain", "550 failed failed failed")), Unread, "a mail server's report that names no recipient", ""},
		"a vendor's word": {mail(strings.Replace(report, "To:", "Subject: Undelivered Mail Returned to Sender\nTo:", 1), part("text/plain", "<lea@dupont.example> : Connection timed out"),
			part("message/delivery-status", "Arrival-Date: 2026-03-10\n\nFinal-Recipient: rfc822; lea@dupont.example\nAction: expired\nStatus: "), part("message/rfc822", original)), Bounced, "Undelivered Mail Returned to Sender", "lea@dupont.example"},
		"a broken part before the report": {mail(report, part("multipart/alternative; differences=Content-Type", "Delivery has failed"),
			part("message/delivery-status", "Reporting-MTA: dns;x.prod.outlook.com\n\nFinal-Recipient: rfc822;lea@dupont.example\nAction: failed\nStatus: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
			part("message/rfc822", original)), Bounced, "5.1.10 550 5.1.10 RESOLVER.ADR.RecipientNotFound", "lea@dupont.example"},
	} {
		in := own.Read([]byte(strings.ReplaceAll(x.raw, "\n", "\r\n")))
		if in.Sort != x.sort || in.Detail != x.detail || in.Token != token {
			t.Errorf("%s: sort %s, detail %q, token %q", name, in.Sort, in.Detail, in.Token)
		}
		if x.address != "" && !slices.Contains(in.Addresses, x.address) {
			t.Errorf("%s: addresses %v", name, in.Addresses)
		}
		if strings.Contains(x.raw, "aaaa@") && !slices.Contains(in.Answers, "aaaa@msp.example") || slices.Contains(in.Answers, "not-this@msp.example") {
			t.Errorf("%s: message %v", name, in.Answers)
		}
	}
}

// The words of servers that write no report for programs, in the forms of Sisimai's
// public collection: to a dead address nothing more is sent, a promise to try again
// changes nothing, and none of them is an absence.
func TestBouncesInWords(t *testing.T) {
	const copied = "Return-Path: <bounce@msp.example>\nReceived: by mx.example; Tue, 10 Mar 2026 09:32:00 +0100\nMessage-ID: <aaaa@msp.example>\nSubject: [#12]\nTo: lea@dupont.example, other@dupont.example\n\nthe text"
	for name, x := range map[string]struct {
		from, more, subject, text string
		sort                      Sort
		detail                    string
	}{
		"qmail":                        {"MAILER-DAEMON@mx.example", "", "failure notice", "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<lea@dupont.example>:\n192.0.2.15 does not like recipient.\nRemote host said: 550 5.1.1 <lea@dupont.example>... User unknown\nGiving up on 192.0.2.15.\n\n--- Below this line is a copy of the message.\n\n" + copied, Bounced, "550 5.1.1 <lea@dupont.example>... User unknown"},
		"old Exim":                     {"Mail Delivery System <Mailer-Daemon@mx.example>", "X-Failed-Recipients: lea@dupont.example\nAuto-Submitted: auto-replied\n", "Mail delivery failed: returning message to sender", "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  lea@dupont.example\n    host mx.dupont.example [192.0.2.20]: 550 5.7.0 no\n\n------ This is a copy of the message, including all the headers. ------\n\n" + copied, Bounced, "550 5.7.0 no"},
		"Exim's warning":               {"Mail Delivery System <Mailer-Daemon@mx.example>", "Auto-Submitted: auto-replied\n", "Warning: message 1P1ce6-000Egt-GZ delayed 24 hours", "A message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.example.\nThe address to which the message has not yet been delivered is:\n\n  lea@dupont.example\n\nif the message remains undelivered it will be returned to you", Delayed, "Warning: message 1P1ce6-000Egt-GZ delayed 24 hours"},
		"Exim's last word":             {"Mail Delivery System <Mailer-Daemon@mx.example>", "Auto-Submitted: auto-replied\nX-Failed-Recipients: lea@dupont.example\n", "Mail delivery failed: returning message to sender", "The following address(es) failed:\n\n  lea@dupont.example\n    host mx.dupont.example: 451 4.7.1 Greylisting in action, delayed:\n    retry timeout exceeded\n\n------ This is a copy of the message, including all the headers. ------\n\n" + copied, Bounced, "451 4.7.1 Greylisting in action, delayed:"},
		"Gmail":                        {"Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "X-Failed-Recipients: lea@dupont.example\n", "Delivery Status Notification (Failure)", "Delivery to the following recipient failed permanently:\n\n     lea@dupont.example\n\nThe error that the other server returned was: 554 554 5.7.0 Header error (state 18).\n\n----- Original message -----\n\n" + copied, Bounced, "554 554 5.7.0 Header error (state 18)."},
		"Gmail's delay":                {"Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "X-Failed-Recipients: lea@dupont.example\n", "Delivery Status Notification (Delay)", "THIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has been delayed:\n\n     lea@dupont.example\n\nMessage will be retried for 2 more day(s)\n\n----- Original message -----\n\n" + copied, Delayed, "Delivery Status Notification (Delay)"},
		"Exchange 2003":                {"System Administrator <postmaster@dupont.example>", "", "Undeliverable: [#12] PC-LEA", "Your message\n\n  To:      lea@dupont.example\n  Subject: [#12] PC-LEA\n\ndid not reach the following recipient(s):\n\nlea@dupont.example on Tue, 10 Mar 2026 09:32:00 +0100\n    The recipient name is not recognized\n", Bounced, "Undeliverable: [#12] PC-LEA"},
		"Domino":                       {"Postmaster@dupont.example", "", "DELIVERY FAILURE: User lea (lea@dupont.example) not listed in Domino Directory", "Your message\n\n  Subject: [#12]\n\nwas not delivered to:\n\n  lea@dupont.example\n\nbecause:\n\n  User lea (lea@dupont.example) not listed in Domino Directory\n", Bounced, "DELIVERY FAILURE: User lea (lea@dupont.example) not listed in Domino Directory"},
		"Yahoo":                        {"MAILER-DAEMON@yahoo.example", "", "Failure Notice", "Sorry, we were unable to deliver your message to the following address.\n\n<lea@dupont.example>:\nRemote host said:\n554 delivery error: dd This user doesn't have a yahoo.com account\n\n--- Below this line is a copy of the message.\n\n" + copied, Bounced, "554 delivery error: dd This user doesn't have a yahoo.com account"},
		"the Mail Agent of DragonFly":  {"MAILER-DAEMON <>", "", "Mail delivery failed", "This is the DragonFly Mail Agent v0.13 at df.example.\n\nThere was an error delivering your mail to <lea@dupont.example>.\n\nmx.dupont.example [192.0.2.27] did not like our final DATA:\n550 5.7.26 https://support.example\n\nMessage headers follow.\n\n" + copied, Bounced, "550 5.7.26 https://support.example"},
		"old OpenSMTPD":                {"Mailer Daemon <MAILER-DAEMON@mx.example>", "Return-Path: <>\n", "Delivery status notification: warning", "    A message is delayed for more than 10 minutes for the following\n    list of recipients:\n\nlea@dupont.example: Network error on destination MXs\n\n    Below is a copy of the original message:\n\n" + copied, Delayed, "Delivery status notification: warning"},
		"what a server says otherwise": {"Mail Delivery System <mailer-daemon@mx.example>", "Auto-Submitted: auto-replied\n", "Mail failure - malformed recipient address", "A message that you sent contained one or more recipient addresses that were incorrectly constructed", Unread, "a mail server's report that names no recipient"},
		"a postmaster who writes":      {"postmaster@dupont.example", "In-Reply-To: <aaaa@msp.example>\n", "Re: [#12] PC-LEA", "Nothing here is undeliverable, it is on.", Reply, ""},
	} {
		raw := "From: " + x.from + "\nTo: bounce+" + token + "@msp.example\nSubject: " + x.subject + "\n" + x.more + "\n" + x.text + "\n"
		in := own.Read([]byte(raw))
		if in.Sort != x.sort || in.Detail != x.detail {
			t.Errorf("%s: sort %s, detail %q", name, in.Sort, in.Detail)
		}
		if (x.sort == Bounced || x.sort == Delayed) && !slices.Equal(in.Addresses, []string{"lea@dupont.example"}) {
			t.Errorf("%s: addresses %v", name, in.Addresses)
		}
		if strings.Contains(x.text, copied) && !slices.Contains(in.Answers, "aaaa@msp.example") {
			t.Errorf("%s: message %v", name, in.Answers)
		}
	}
}

// What other mails are: only the last is a person's answer.
func TestSorts(t *testing.T) {
	for name, x := range map[string]struct {
		raw  string
		sort Sort
	}{
		"Sieve's vacation":        {"From: a@b.example\nSubject: Auto: x\nAuto-Submitted: auto-replied (vacation)\nIn-Reply-To: <x@y>\n\naway", Absence},
		"Outlook's":               {"From: a@b.example\nSubject: Réponse automatique : [#12] PC-LEA\nIn-Reply-To: <x@y>\n\naway", Absence},
		"a receipt":               {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nread\n--b--\n", Receipt},
		"a complaint":             {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nspam\n--b--\n", Unread},
		"Outlook's, German":       {"From: a@b.example\nSubject: Automatische Antwort: [#12] PC-LEA\nX-Auto-Response-Suppress: All\nIn-Reply-To: <x@y>\n\naway", Absence},
		"Notes', German":          {"From: a@b.example\nSubject: Abwesenheitsnotiz: [#12] PC-LEA\nIn-Reply-To: <x@y>\n\naway", Absence},
		"one without an s":        {"From: a@b.example\nSubject: En congé jusqu'au 16 mars\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\naway", Absence},
		"a ticket's receipt":      {"From: help@b.example\nSubject: [Ticket 42] Received\nAuto-Submitted: auto-generated\nIn-Reply-To: <x@y>\n\nWe have received your request.", Unread},
		"a vacation of Exim":      {"From: a@b.example\nSubject: Re: [#12]\nPrecedence: bulk\nIn-Reply-To: <x@y>\n\naway", Unread},
		"a person's, who says so": {"From: a@b.example\nAuto-Submitted: no\nIn-Reply-To: <x@y>\n\nit is on", Reply},
		"our own":                 {"From: vigie@msp.example\nX-Vigie-Step: client_told\n\nhello", Own},
		"a mailbox that is full":  {"Return-Path: <>\nFrom: no-reply@b.example\nSubject: Mail\nIn-Reply-To: <x@y>\n\nCould not be delivered to: <a@b.example>\nAs their mailbox is full.", Unread},
		"m-FILTER's bounce":       {"Return-Path: <>\nFrom: <>\nSubject: failure notice\n\na@b.example\n\n-------server message\n550 a@b.example... No such user\n", Bounced},
		"Verizon's bounce":        {"Return-Path: <>\nFrom: MMSC NDR Administrator <sysadmin@m01.vzwpix.example>\nSubject: Undeliverable Message\n\nMessage could not be delivered to mobile.\nTo: a@b.example\n", Bounced},
		"OpenSMTPD's of old":      {"Return-Path: <>\nFrom: Mailer Daemon <poostmaster@b.example>\nSubject: Delivery status notification: error\n\na@b.example: Envelope expired\n", Bounced},
		"nothing":                 {"", Unread},
		"a person's":              {"From: a@b.example\nIn-Reply-To: <x@y>\n\nit is on", Reply},
		"one of a page and text":  {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<div>it is on</div><blockquote>your mail</blockquote>", Reply},
	} {
		in := own.Read([]byte(strings.ReplaceAll(x.raw, "\n", "\r\n")))
		if in.Sort != x.sort {
			t.Errorf("%s: %s", name, in.Sort)
		}
		if x.sort == Reply && in.Text != "it is on" {
			t.Errorf("%s: text %q", name, in.Text)
		}
	}
}

// Absences by their subject alone, in the forms of Domino, Exchange, SmarterMail and
// telephones; what people write about absences is an answer.
func TestSubjectsOfAbsences(t *testing.T) {
	for sort, subjects := range map[Sort][]string{
		Absence: {"AUTO: Léa Dupont is out of the office (returning 16/03/2026)", "Léa Dupont is out of the office.", "Léa DUPONT est absente du bureau.", "Léa Dupont est absent(e) jusqu'au 16/03/2026", "[Auto-Reply] Re: [#12] PC-LEA",
			"[Out of Office] [#12] PC-LEA", "OOO: [#12] PC-LEA", "Absence : Re: [#12] PC-LEA", "Automatiskt svar: [#12]", "Automatisk svar: [#12]", "Automatyczna odpowiedź: [#12]", "Automatická odpověď: [#12]", "Automatikus válasz: [#12]",
			"Fuera de la oficina: [#12]", "Fuori ufficio: [#12]", "Auto-réponse : [#12]", "Avis d'absence", "Ich bin im Urlaub", "I am currently out of the office", "Lea Dupont ist bis 16.03. abwesend", "Re: Out of office: [#12]"},
		Reply: {"Re: [#12] PC-LEA", "RE: absence de sauvegarde", "Absence de sauvegarde de PC-LEA", "Re: [#12] PC-LEA is out of the office network", "Auto: panne", "Réponse : sauvegarde", "Message automatique : sauvegarde",
			"Le poste PC-12 est absent jusqu'au lundi", "Le PC de Dupont est absent jusqu'à jeudi", "Jean Martin est absent jusqu'au 16/03/2026", "PC-LEA is out of office", "Der Rechner ist abwesend"},
	} {
		for _, subject := range subjects {
			if in := own.Read([]byte("From: =?utf-8?q?L=C3=A9a_DUPONT?= <lea@dupont.example>\r\nSubject: " + subject + "\r\nIn-Reply-To: <x@y>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n")); in.Sort != sort {
				t.Errorf("%s: %s", subject, in.Sort)
			}
		}
	}
}

// What people write above, below and between what they quote, in the forms of the
// usual programs; those of Zimbra, Zoho, Eudora, Airmail and Gmail's newer German after
// the test mails of email_reply_trimmer (Discourse) and email-reply-parser (Crisp).
func TestUnquoted(t *testing.T) {
	for name, x := range map[string][2]string{
		"above, Thunderbird":     {"It is on.\n\nOn 10/03/2026 09:32, Vigie wrote:\n> Hello\n> world", "It is on."},
		"above, Gmail folded":    {"Oui.\n\nLe mar. 10 mars 2026 à 09:32, Sauvegardes de SYNOMEGA\n<answers+x@msp.example> a écrit :\n\n> Bonjour", "Oui."},
		"below":                  {"On Tue, Mar 10, 2026 at 9:32 AM Vigie <v@msp.example> wrote:\n> Is it on?\n\nYes, since noon.", "Yes, since noon."},
		"between":                {"> Is it on?\nYes.\n> And connected?\nNo.", "Yes.\nNo."},
		"Outlook, French":        {"Fait.\n\nDe : Sauvegardes <a@msp.example>\nEnvoyé : mardi 10 mars 2026 09:32\nÀ : Léa\nObjet : PC-LEA\n\nBonjour,\nla sauvegarde", "Fait."},
		"Outlook, English":       {"Done.\n\nFrom: Vigie <v@msp.example>\nSent: Tuesday\nTo: Lea\nSubject: PC\n\nHello", "Done."},
		"Outlook, Italian":       {"Fatto.\n\nDa: Vigie <v@msp.example>\nInviato: martedì 10 marzo 2026 09:32\nA: Lea\nOggetto: PC-LEA\n\nciao", "Fatto."},
		"Outlook, Dutch":         {"Klaar.\n\nVan: Vigie [mailto:v@msp.example]\nVerzonden: dinsdag 10 maart 2026 09:32\nAan: Lea\nOnderwerp: PC-LEA\n\ndag", "Klaar."},
		"Outlook for iOS":        {"Fait.\n\nEnvoyé à partir de Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\nDe : Vigie <v@msp.example>\nDate : mardi, 10 mars 2026 à 09:32\nÀ : Léa\nObjet : PC-LEA\n\nBonjour", "Fait."},
		"Thunderbird, German":    {"Ist an.\n\nAm 10.03.26 um 09:32 schrieb Sicherungen:\n> Hallo\n> Welt", "Ist an."},
		"Gmail, German":          {"Ist an.\n\nAm Di., 10. März 2026 um 09:32 Uhr schrieb Vigie <\nanswers+x@msp.example>:\n\n> Hallo", "Ist an."},
		"Gmail, Italian":         {"Fatto.\n\nIl giorno mar 10 mar 2026 alle ore 09:32 Vigie <answers+x@msp.example>\nha scritto:\n\n> Ciao", "Fatto."},
		"Gmail, Spanish":         {"Listo.\n\nEl mar, 10 mar 2026 a las 9:32, Vigie (<answers+x@msp.example>) escribió:\n\n> Hola", "Listo."},
		"Gmail, Dutch":           {"Klaar.\n\nOp di 10 mrt 2026 om 09:32 schreef Vigie <\nanswers+x@msp.example>:\n\n> Dag", "Klaar."},
		"in three lines":         {"Done.\n\nOn Mar 10, 2026, at 9:32 AM,\nBackups of SYNOMEGA <answers+x@msp.example>\nwrote:\n\nHello", "Done."},
		"a date and an address":  {"Fait.\n\n2026-03-10 9:32 GMT+01:00 Sauvegardes <answers+x@msp.example>:\n\n> Bonjour", "Fait."},
		"Orange":                 {"Fait.\n\n> Message du 10/03/26 09:32\n> De : \"Vigie\" <v@msp.example>\n> Objet : PC-LEA", "Fait."},
		"Apple, French":          {"Fait.\n\nDébut du message transféré :\n\nDe: Vigie\nBonjour", "Fait."},
		"typographic":            {"Fait.\n-----Message d’origine-----\nDe : Vigie\nBonjour", "Fait."},
		"a company's notice":     {"Le PC est allumé.\n\nCe message et ses pièces jointes sont confidentiels et établis à l'intention\nexclusive de leur destinataire.\n\nMerci", "Le PC est allumé."},
		"a notice with a label":  {"Oui.\n\nAVERTISSEMENT : Ce message et les pièces jointes sont confidentiels.\nMerci", "Oui."},
		"a notice, other words":  {"Oui.\n\nLes informations contenues dans ce courriel sont confidentielles et destinées\nau seul destinataire.", "Oui."},
		"a notice of who is not": {"Yes.\n\nIf you are not the intended recipient, please delete this mail.", "Yes."},
		"what gateways add":      {"CAUTION: This email originated from outside of the organization.\n\nYes.\n\nVirus-free. www.avast.com", "Yes."},
		"print no mail":          {"Oui.\nP Avant d'imprimer ce mail, pensez à l'environnement", "Oui."},
		"a caution of one's own": {"Attention : le disque externe est plein.\nAvis : on le change lundi.", "Attention : le disque externe est plein.\nAvis : on le change lundi."},
		"lines of one's own":     {"Two things:\n-----\nIt is on.\n-----\nAnd connected.", "Two things:\n-----\nIt is on.\n-----\nAnd connected."},
		"numbers of one's own":   {"Le 10 mars 2026 le portable était éteint :\nil est rallumé.", "Le 10 mars 2026 le portable était éteint :\nil est rallumé."},
		"old Outlook":            {"Done.\n-----Original Message-----\nFrom: Vigie\nHello", "Done."},
		"the line of Outlook":    {"Done.\n________________________________\nFrom: Vigie\nHello", "Done."},
		"a signature":            {"Done.\n-- \nLéa Dupont\n05 61 00 00 00", "Done."},
		"a telephone":            {"Ok merci\n\nEnvoyé de mon iPhone\n\n> Le 10 mars 2026 à 09:32, Vigie <v@msp.example> a écrit :\n> \n> Bonjour", "Ok merci"},
		"quoted without marks":   {"Done.\nOn 10/03/2026, Vigie wrote:\nHello,\nyour computer", "Done."},
		"nothing of one's own":   {"> Hello\n> world", ""},
		"a sentence with From":   {"From: now on it is on all night.\nRegards", "From: now on it is on all night.\nRegards"},
		"a sentence with On":     {"On Monday I am back.\nLe portable reste allumé.", "On Monday I am back.\nLe portable reste allumé."},
		"Zimbra":                 {"Fait.\n\n----- Mail original -----\nDe: \"Vigie\" <v@msp.example>\nÀ: \"Léa\" <lea@dupont.example>\nEnvoyé: Mardi 10 Mars 2026 09:32:00\nObjet: PC-LEA\n\nBonjour", "Fait."},
		"Gmail, German now":      {"Ist an.\n\nVigie <answers+x@msp.example> schrieb am Di., 10.\nMärz 2026 um 09:32 Uhr:\n\n> Hallo", "Ist an."},
		"a name and an address":  {"Done.\n\nVigie via Backups <v@msp.example> wrote:\n\nHello", "Done."},
		"Zoho":                   {"Done.\n\n\nOn Tue, 10 Mar 2026 09:32:43 +0100 Vigie <v@msp.example> wrote\n\nHello", "Done."},
		"Eudora":                 {"Done.\n\nAt 3/10/2026 09:32 AM, you wrote:\n>Hello", "Done."},
		"BlueMail":               {"Fait.\n\nTéléchargez BlueMail pour Android\nLe 10 Mars 2026, à 09:32, Vigie <v@msp.example> a écrit:\n\n>Bonjour", "Fait."},
		"K-9":                    {"Done.\n-- \nThis message was sent from my Android device with K-9 Mail.", "Done."},
		"Airmail, Norwegian":     {"Ok\n\nSent with Airmail\nSendt fra min iPad", "Ok"},
		"Windows 10, French":     {"Ok\n\nProvenance : Courrier pour Windows 10\n\nDe : Vigie\nEnvoyé le :mardi 10 mars 2026 09:32\nÀ : Léa\nObjet :PC-LEA\n\nBonjour", "Ok"},
		"a line above a header":  {"Done.\n\n ------------------------------\n From: Vigie <v@msp.example>\n Sent: 10/03/2026\n To: Lea\n\nHello", "Done."},
		"what a backup wrote":    {"Le 10 mars 2026 le script a écrit 3 fichiers :\nAD.vbk\nOn 10/03/2026 the job wrote 2 files:\nSQL.vbk", "Le 10 mars 2026 le script a écrit 3 fichiers :\nAD.vbk\nOn 10/03/2026 the job wrote 2 files:\nSQL.vbk"},
		"what was sent":          {"Envoyé avec le colis de Jean, il arrive mardi.", "Envoyé avec le colis de Jean, il arrive mardi."},
		"close above a name":     {"Bonjour, disque remplacé.\nPaul Martin <paul@msp.example> a écrit :\n> votre sauvegarde", "Bonjour, disque remplacé."},
		"close above, no marks":  {"C'est fait, le 12.\nPaul Martin <paul@msp.example> a écrit :\nvotre sauvegarde", "C'est fait, le 12."},
		"close above, English":   {"Away until Monday\nLea Martin <lea@dupont.example> wrote:\n\n> x", "Away until Monday"},
		"a name, broken":         {"Fait.\n\nSauvegardes Dupont\n<v@msp.example> a écrit :\n\n> Bonjour", "Fait."},
		"an address, broken":     {"Fait.\n\nPaul Martin <v@msp.example>\na écrit :\n\n> Bonjour", "Fait."},
		"who is responsible":     {"Ce message concerne le serveur dont je suis responsable : il est éteint jusqu'à lundi.\nMerci.", "Ce message concerne le serveur dont je suis responsable : il est éteint jusqu'à lundi.\nMerci."},
		"who is not held so":     {"Oui.\n\nCe message a pu être altéré : Dupont ne peut en être tenu pour responsable.", "Oui."},
		"what a company sent":    {"Envoyé par Orange le nouveau routeur, il arrive demain.", "Envoyé par Orange le nouveau routeur, il arrive demain."},
		"gaps":                   {"One.\n\n\n\nTwo.", "One.\n\nTwo."},
	} {
		if got := Unquoted(x[0]); got != x[1] {
			t.Errorf("%s: %q, want %q", name, got, x[1])
		}
	}
}

func TestAddresses(t *testing.T) {
	if got := own.Token([]string{"Other@msp.example", "ANSWERS+" + strings.ToUpper(token) + "@MSP.example"}); got != token {
		t.Errorf("token %q", got)
	}
	for _, not := range []string{"answers@msp.example", "answers+@msp.example", "answers+" + token + "x@msp.example", "answers+" + token + "@elsewhere.example", "xanswers+" + token + "@msp.example", "answers+ABCDEFGHIJKLMNOPQRSTUVWX01@msp.example"} {
		if got := own.Token([]string{not}); got != "" {
			t.Errorf("%s: token %q", not, got)
		}
	}
	for _, bad := range []Addresses{{"answers@msp.example", "bounce@msp.example", "%"}, {"answers+x@msp.example", "bounce@msp.example", "+"}, {"answers", "bounce@msp.example", "+"},
		{strings.Repeat("a", 60) + "@msp.example", "bounce@msp.example", "+"}} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// Whatever comes is read without harm and within bounds.
func FuzzRead(f *testing.F) {
	f.Add([]byte("From: a@b.example\r\nTo: answers+" + token + "@msp.example\r\n\r\nOn x wrote:\r\n> y"))
	f.Add([]byte("Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nA: b\r\n\r\nAction: failed\r\n--b--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := own.Read(raw)
		if in.ID == "" || !slices.Contains(Sorts(), in.Sort) || len(in.Detail) > 1000 || len([]rune(in.Text)) > maxText+1 || len(in.Answers) > 2*maxNamed || len(in.Addresses) > maxNamed {
			t.Errorf("%+v", in)
		}
		if in.Sort == Bounced && !regexp.MustCompile(`(?i)fail|deliver|return|permanent|remis|achemin|distrib|zuste|base64|=`).Match(raw) {
			t.Errorf("a bounce that does not say so: %+v", in)
		}
	})
}

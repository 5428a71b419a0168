package answers

import (
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
		"words alone": {mail(report, part("text/plain", "550 failed failed failed")), Receipt, "", ""},
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

// What other mails are: only the last is a person's answer.
func TestSorts(t *testing.T) {
	for name, x := range map[string]struct {
		raw  string
		sort Sort
	}{
		"Sieve's vacation":       {"From: a@b.example\nSubject: Auto: x\nAuto-Submitted: auto-replied (vacation)\nIn-Reply-To: <x@y>\n\naway", Absence},
		"Outlook's":              {"From: a@b.example\nSubject: Réponse automatique : [#12] PC-LEA\nIn-Reply-To: <x@y>\n\naway", Absence},
		"a receipt":              {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\nContent-Type: text/plain\n\nread\n--b--\n", Receipt},
		"a complaint":            {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nspam\n--b--\n", Unread},
		"our own":                {"From: vigie@msp.example\nX-Vigie-Step: client_told\n\nhello", Own},
		"nothing":                {"", Unread},
		"a person's":             {"From: a@b.example\nIn-Reply-To: <x@y>\n\nit is on", Reply},
		"one of a page and text": {"From: a@b.example\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<div>it is on</div><blockquote>your mail</blockquote>", Reply},
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

// What people write above, below and between what they quote, in the forms of the
// usual programs.
func TestUnquoted(t *testing.T) {
	for name, x := range map[string][2]string{
		"above, Thunderbird":   {"It is on.\n\nOn 10/03/2026 09:32, Vigie wrote:\n> Hello\n> world", "It is on."},
		"above, Gmail folded":  {"Oui.\n\nLe mar. 10 mars 2026 à 09:32, Sauvegardes de SYNOMEGA\n<answers+x@msp.example> a écrit :\n\n> Bonjour", "Oui."},
		"below":                {"On Tue, Mar 10, 2026 at 9:32 AM Vigie <v@msp.example> wrote:\n> Is it on?\n\nYes, since noon.", "Yes, since noon."},
		"between":              {"> Is it on?\nYes.\n> And connected?\nNo.", "Yes.\nNo."},
		"Outlook, French":      {"Fait.\n\nDe : Sauvegardes <a@msp.example>\nEnvoyé : mardi 10 mars 2026 09:32\nÀ : Léa\nObjet : PC-LEA\n\nBonjour,\nla sauvegarde", "Fait."},
		"Outlook, English":     {"Done.\n\nFrom: Vigie <v@msp.example>\nSent: Tuesday\nTo: Lea\nSubject: PC\n\nHello", "Done."},
		"old Outlook":          {"Done.\n-----Original Message-----\nFrom: Vigie\nHello", "Done."},
		"the line of Outlook":  {"Done.\n________________________________\nFrom: Vigie\nHello", "Done."},
		"a signature":          {"Done.\n-- \nLéa Dupont\n05 61 00 00 00", "Done."},
		"a telephone":          {"Ok merci\n\nEnvoyé de mon iPhone\n\n> Le 10 mars 2026 à 09:32, Vigie <v@msp.example> a écrit :\n> \n> Bonjour", "Ok merci"},
		"quoted without marks": {"Done.\nOn 10/03/2026, Vigie wrote:\nHello,\nyour computer", "Done."},
		"nothing of one's own": {"> Hello\n> world", ""},
		"a sentence with From": {"From: now on it is on all night.\nRegards", "From: now on it is on all night.\nRegards"},
		"a sentence with On":   {"On Monday I am back.\nLe portable reste allumé.", "On Monday I am back.\nLe portable reste allumé."},
		"gaps":                 {"One.\n\n\n\nTwo.", "One.\n\nTwo."},
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
		if in.Sort == Bounced && !strings.Contains(strings.ToLower(string(raw)), "failed") && !strings.Contains(strings.ToLower(string(raw)), "base64") && !strings.Contains(string(raw), "=") {
			t.Errorf("a bounce that does not say failed: %+v", in)
		}
	})
}

package notify

import (
	"strings"
	"testing"

	"vigie/receiver/smtpsink"
)

// Whom or what a refusal is about: by phase, status and words. The answers are
// those of Postfix, Exim and OpenSMTPD in Debian 12, met for real, of the published
// tables of Exchange Online, Gmail, Amazon SES, Zoho and cPanel, and of the bounces that
// Sisimai and the SMTP Field Manual collect.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		phase string
		code  int
		text  string
		kind  Kind
	}{
		{phaseRcpt, 550, "5.1.1 <am@msp.example>: Recipient address rejected: User unknown in local recipient table", KindRecipient},
		{phaseRcpt, 550, "Unrouteable address", KindRecipient},
		{phaseRcpt, 550, "Invalid recipient: <am@msp.example>", KindRecipient},
		{phaseRcpt, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", KindRecipient},
		{phaseRcpt, 550, "5.4.1 Recipient address rejected: Access denied. AS(201806281)", KindRecipient},
		{phaseRcpt, 550, "5.2.1 The email account that you tried to reach is disabled.", KindRecipient},
		{phaseRcpt, 550, "5.5.0 Requested action not taken: mailbox unavailable", KindRecipient},
		{phaseRcpt, 556, "5.1.10 <am@msp.example>: Recipient address rejected: Domain msp.example does not accept mail (nullMX)", KindRecipient},
		{phaseDot, 550, "5.1.1 User unknown", KindRecipient},

		{phaseRcpt, 554, "5.7.1 <am@msp.example>: Relay access denied", KindConfig},
		{phaseRcpt, 550, "relay not permitted", KindConfig},
		{phaseRcpt, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", KindConfig},
		{phaseRcpt, 553, "5.7.1 <vigie@msp.example>: Sender address rejected: not owned by user backup", KindConfig},
		{phaseRcpt, 550, "5.1.8 <vigie@msp.example>: Sender address rejected: Domain not found", KindConfig},
		{phaseRcpt, 550, "5.1.7 <vigie@msp.example>: Sender address rejected: undeliverable address", KindConfig},
		{phaseRcpt, 554, "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.example", KindConfig},
		{phaseRcpt, 550, "Sender verify failed", KindConfig},
		{phaseRcpt, 550, "<vigie@msp.example> is not welcome", KindConfig},
		{phaseRcpt, 554, "5.7.1 Access denied", KindConfig},
		{phaseRcpt, 550, "5.0.0 5.7.1 Access denied", KindConfig},
		{phaseRcpt, 550, "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", KindConfig},
		{phaseRcpt, 550, "Domain msp.example has exceeded the max emails per hour (200/200 (100%)) allowed. Message discarded.", KindConfig},
		{phaseRcpt, 530, "5.7.57 Client not authenticated to send mail", KindAuth},
		{phaseMail, 550, "5.7.1 sender rejected", KindConfig},
		{phaseMail, 552, "5.2.2 quota of this login is used up", KindConfig},
		{phaseData, 554, "5.7.1 <DATA>: Data command rejected: Access denied", KindConfig},
		{phaseDot, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", KindConfig},
		{phaseDot, 554, "5.2.252 SendAsDenied; vigie@msp.example not allowed to send as alert@msp.example", KindConfig},
		{phaseDot, 550, "5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.example", KindConfig},
		{phaseDot, 550, "5.7.26 This mail has been blocked because the sender is unauthenticated", KindConfig},

		{phaseMail, 552, "5.3.4 Message size exceeds fixed limit", KindMessage},
		{phaseMail, 552, "Message size exceeds maximum permitted", KindMessage},
		{phaseDot, 552, "5.3.4 Max message size exceeded", KindMessage},
		{phaseDot, 550, "maximum allowed line length is 998 octets, got 1200", KindMessage},
		{phaseDot, 550, "5.7.1 looks like spam", KindMessage},
		{phaseDot, 554, "5.7.1 Your message was rejected: content filter", KindMessage},
		{phaseDot, 552, "5.7.0 This message was blocked because its content presents a potential security issue.", KindMessage},
		{phaseDot, 554, "Transaction failed", KindMessage},
		{phaseRcpt, 550, "5.6.7 SMTPUTF8 is required, but was not offered by host", KindMessage},

		// The same as servers say it whose texts are in French or German.
		{phaseRcpt, 550, "5.1.1 <am@msp.example> : utilisateur inconnu dans la table locale", KindRecipient},
		{phaseRcpt, 550, "Destinataire inconnu", KindRecipient},
		{phaseRcpt, 550, "Empfänger unbekannt", KindRecipient},
		{phaseRcpt, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Destinataire introuvable par recherche d'adresse SMTP", KindRecipient},
		{phaseRcpt, 554, "5.7.1 <am@msp.example>: Accès au relais refusé", KindConfig},
		{phaseRcpt, 550, "5.7.54 SMTP; Impossible de relayer le destinataire dans un domaine non accepté", KindConfig},
		{phaseRcpt, 550, "Weiterleitung nicht erlaubt", KindConfig},
		{phaseRcpt, 553, "5.7.1 <vigie@msp.example> : l'adresse n'appartient pas à l'utilisateur", KindConfig},
		{phaseRcpt, 550, "Absender abgelehnt", KindConfig},
		{phaseMail, 550, "5.7.1 Expéditeur refusé", KindConfig},
		{phaseMail, 552, "5.3.4 Taille du message supérieure à la limite", KindMessage},
		{phaseDot, 550, "5.7.60 SMTP; Le client n'a pas les autorisations d'envoi en tant que cet expéditeur", KindConfig},
		{phaseDot, 554, "5.7.1 Message rejeté : contenu suspect", KindMessage},
		{phaseDot, 550, "5.7.1 Nachricht abgelehnt", KindMessage},
		{phaseDot, 550, "5.7.1 Courriel écarté par la règle 12", KindMessage},
		{phaseRcpt, 552, "5.2.2 Boîte aux lettres pleine", KindTemporary},
		{phaseRcpt, 550, "Postfach ist voll", KindTemporary},

		// What the account at a service lacks is about no recipient, whatever "does not exist" there.
		{phaseDot, 554, "Configuration set does not exist: Configuration set <vigie> does not exist.", KindConfig},
		{phaseRcpt, 550, "sender or domain inactive", KindConfig},
		{phaseDot, 554, "5.7.1 Maximum credits exceeded", KindConfig},
		{phaseDot, 550, "5.7.1 domain msp.example not verified", KindConfig},
		// qmail's statuses stand at the end; mailfront's claims an unknown mailbox.
		{phaseRcpt, 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", KindConfig},
		{phaseRcpt, 553, "5.1.1 Sorry, that domain isn't in my list of allowed rcpthosts.", KindConfig},
		{phaseRcpt, 553, "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", KindConfig},
		{phaseRcpt, 550, "sorry, no mailbox here by that name (#5.1.1 - chkuser)", KindRecipient},
		{phaseDot, 552, "sorry, that message size exceeds my databytes limit (#5.3.4)", KindMessage},

		// An address that has moved names another one (RFC 5321, section 3.4, and 7293).
		{phaseRcpt, 551, "User not local; please try <am2@msp.example>", KindRecipient},
		{phaseRcpt, 550, "5.7.17 Mailbox owner has changed", KindRecipient},
		{phaseRcpt, 551, "5.7.1 Relaying denied", KindConfig},
		{phaseRcpt, 550, "5.1.1 User unknown; questions to <postmaster@msp.example>", KindRecipient},
		{phaseRcpt, 540, "5.7.1 <am@msp.example>: recipient address rejected: Inactive", KindRecipient},
		{phaseRcpt, 550, "5.5.0 Le compte du destinataire est bloque. The recipient account is blocked.", KindRecipient},
		{phaseDot, 554, "delivery error: dd This user doesn't have a msp.example account (am@msp.example) [0]", KindRecipient},

		// Words of addresses say nothing, those of our login much.
		{phaseRcpt, 550, "5.1.1 <am@msp.example>: Recipient address rejected: User unknown; forwarded to relais@listed.example", KindRecipient},
		{phaseRcpt, 550, "5.4.4 msp.example: Host or domain name not found", KindRecipient},
		{phaseRcpt, 501, "5.1.0 Emetteur invalide. Invalid Sender. OFR004_405", KindConfig},
		{phaseRcpt, 550, "5.1.1 <am@msp.example> - 192.0.2.7 has sent to too many recipients this hour. IB607", KindConfig},
		{phaseRcpt, 550, "5.7.23 <am@msp.example>: Recipient address rejected: Message rejected due to: SPF fail - not authorized", KindConfig},
		{phaseRcpt, 554, "sorry, too many emails (#5.7.1)", KindConfig},
		{phaseDot, 552, "Your account has been suspended. Please contact us to reactivate", KindConfig},
		{phaseDot, 552, "5.2.2 Submission quota exceeded", KindConfig},
		{phaseDot, 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", KindConfig},
		{phaseDot, 554, "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-3: vigie@msp.example", KindConfig},
		{phaseDot, 554, "Sending paused for this account. For more information, please check the inbox of the email address associated with your account.", KindConfig},
		{phaseDot, 550, "5.7.708 Access denied, traffic not accepted from this IP", KindConfig},
		{phaseDot, 550, "5.7.501 Access denied, spam abuse detected", KindConfig},
		{phaseDot, 550, "5.7.750 Service unavailable. Client blocked from sending from unregistered domains", KindConfig},
		{phaseDot, 550, "5.7.29 This message was not sent over TLS", KindConfig},
		{phaseDot, 550, "5.4.6 Unusual sending activity detected. Please try after sometime", KindConfig},
		{phaseDot, 554, "Message rejected: Sending suspended for this account.", KindConfig},
		{phaseDot, 550, "5.7.1 Client does not have permissions to submit to this server", KindConfig},
		{phaseRcpt, 551, "we do not relay", KindConfig},
		{phaseRcpt, 550, "<am@msp.example>... Forwarding Denied", KindConfig},
		{phaseRcpt, 553, "<am@msp.example>... unauthorized relay traffic prohibited", KindConfig},

		// Exim and Postfix say no more than that of whatever they have just looked at; what
		// they say of the recipient counts before the reasons that they guess at.
		{phaseRcpt, 550, "Administrative prohibition", KindConfig},
		{phaseDot, 550, "Administrative prohibition", KindMessage},
		{phaseDot, 554, "5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied", KindMessage},
		{phaseDot, 554, "5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Policy Rejection- Quota exceeded", KindConfig},
		{phaseRcpt, 550, "Verification failed for <am@msp.example>\nThe account or domain may not exist, they may be blacklisted, or missing the proper dns entries.\nInvalid recipient", KindRecipient},
		{phaseRcpt, 550, "Verification failed for <vigie@msp.example>\nThe account or domain may not exist, they may be blacklisted, or missing the proper dns entries.\nSender verify failed", KindConfig},

		// A group of Exchange that takes mail of its own people only says nothing of us.
		{phaseRcpt, 550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group", KindRecipient},
		{phaseDot, 550, "5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized; Delivery restriction check failed because the sender does not have permission to send to this recipient", KindRecipient},
		{phaseRcpt, 550, "5.7.124 RESOLVER.RST.NotAuthorized.Recipient; Sender not in allowed-senders list", KindRecipient},

		{phaseRcpt, 553, "5.3.0 <am@msp.example>... Addressee unknown, relay=[192.0.2.7]", KindRecipient},
		{phaseRcpt, 550, "5.2.121 RESOLVER.RST.RecipientRateLimit exceeded", KindTemporary},
		{phaseRcpt, 552, "5.2.2 Mailbox size limit exceeded", KindTemporary},
		{phaseRcpt, 552, "5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417", KindTemporary},
		{phaseRcpt, 550, "5.2.1 The user you are trying to contact is receiving mail at a rate that\n5.2.1 prevents additional messages from being delivered.", KindTemporary},
		{phaseRcpt, 552, "5.2.2 The recipient's inbox is out of storage space and inactive. Please\n5.2.2 direct the recipient to support.example", KindTemporary},
		{phaseDot, 554, "5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.", KindTemporary},
		{phaseDot, 554, "5.4.14 Hop count exceeded - possible mail loop ATTR1", KindTemporary},
		{phaseRcpt, 450, "4.2.0 <am@msp.example>: Recipient address rejected: Greylisted", KindTemporary},
		{phaseRcpt, 552, "5.2.2 mailbox full", KindTemporary},
		{phaseDot, 552, "5.2.2 <am@msp.example> Quota exceeded (mailbox for user is full)", KindTemporary},
		{phaseDot, 554, "5.4.6 Too many hops, or a loop", KindTemporary},
	} {
		if got := readRefusal(c.phase, c.code, c.text).judge("am@msp.example"); got.kind != c.kind {
			t.Errorf("%s: %d %s: %s (sure: %t), want %s", c.phase, c.code, c.text, got.kind, got.sure, c.kind)
		}
	}
}

// An address may be made of words that say something elsewhere: "relais" is the
// French for relay.
func TestRefusedAddressOfTellingWords(t *testing.T) {
	for _, to := range []string{"relais@msp.example", "daily@listed.example", "michelo@outgoing-spam.example"} {
		_, domain, _ := strings.Cut(to, "@")
		for _, text := range []string{"5.1.1 <" + to + ">: Recipient address rejected: User unknown", "Unknown user (" + to + ")", "5.1.2 Host unknown: " + domain + " not found"} {
			for _, phase := range []string{phaseRcpt, phaseDot} {
				if got := readRefusal(phase, 550, text).judge(to); got != (verdict{KindRecipient, true}) {
					t.Errorf("%s: 550 %s: %s (sure: %t)", phase, text, got.kind, got.sure)
				}
			}
		}
	}
}

// What comes back later: as Postfix, Exim, OpenSMTPD and Dovecot report it, and as
// Exchange Online and Gmail answer them.
func TestOfReturned(t *testing.T) {
	for words, want := range map[string]Kind{
		"5.1.1 550 5.1.1 <am@msp.example>: Recipient address rejected: User unknown": KindRecipient,
		"5.0.0 550 Unrouteable address":                                              KindRecipient,
		"550 5.1.1 am@msp.example: no such user":                                     KindRecipient,
		"5.0.0":                                                                      KindRecipient,
		"5.7.1 554 5.7.1 <am@msp.example>: Recipient address rejected: Access denied": KindRecipient,
		"5.2.2 552 5.2.2 <am@msp.example> Quota exceeded (mailbox for user is full)":  KindTemporary,
		"5.2.2":                                KindTemporary,
		"5.4.1 450 4.4.1 connection timed out": KindTemporary,
		"5.7.26 550 5.7.26 This mail has been blocked because the sender is unauthenticated": KindConfig,
		"5.7.1 550 5.7.1 This message was rejected: content filter, id=00000-00-000":         KindMessage,
		"5.3.4 552 5.3.4 Message size exceeds fixed limit":                                   KindMessage,
	} {
		if got := OfReturned(words, "am@msp.example"); got != want {
			t.Errorf("%q is about %s, want %s", words, got, want)
		}
	}
}

// An answer that says neither whom it means nor why is judged by what others
// meet: those of the same message, and those that the relay took before.
func TestRefusalIsCompared(t *testing.T) {
	one := func() Message {
		m := message()
		m.To, m.Cc = []string{"am@msp.example"}, nil
		return m
	}
	for _, c := range []struct {
		name   string
		faults smtpsink.Faults
		before string // whom the relay took before
		msg    Message
		kind   Kind
	}{
		{"others of the message are taken", refuses("am@msp.example", 550, "no thanks"), "", message(), KindRecipient},
		{"nobody is taken", refuses("*", 550, "no thanks"), "", message(), KindConfig},
		{"one who was taken before still is", refuses("am@msp.example", 550, "no thanks"), "sup@msp.example", one(), KindRecipient},
		{"one who was taken before is not any more", refuses("*", 550, "no thanks"), "sup@msp.example", one(), KindConfig},
		{"nobody to compare with", refuses("*", 550, "no thanks"), "", one(), KindTemporary},
		{"a list for members only", refuses("am@msp.example", 550, "5.7.1 Recipient address rejected: members only"), "sup@msp.example", one(), KindRecipient},
		{"no login, in words of the recipient", refuses("*", 554, "5.7.1 Recipient address rejected: Access denied"), "sup@msp.example", one(), KindConfig},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sink(t, smtpsink.Options{})
			m := plain(t, s)
			if c.before != "" {
				if err := m.Deliver(t.Context(), one(), c.before); err != nil {
					t.Fatal(err)
				}
			}
			was := len(s.Messages())
			if err := s.SetFaults(c.faults); err != nil {
				t.Fatal(err)
			}
			err := m.Deliver(t.Context(), c.msg, "am@msp.example")
			if KindOf(err) != c.kind || err == nil {
				t.Errorf("%v is %s, want %s", err, KindOf(err), c.kind)
			}
			if len(s.Messages()) != was {
				t.Error("comparing sent a message")
			}
		})
	}
}

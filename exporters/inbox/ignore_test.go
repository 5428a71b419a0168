package inbox

import "testing"

// Bounces of OpenSMTPD 6.8 were seen: multipart/mixed with a delivery status, an
// empty sender and no Auto-Submitted. Of answers by vacation(1) it was seen only
// that they bear no header that tells them; their words here are those that its
// manual and people's notes use, not of mails that were seen.
func TestAnswersWithoutAHeader(t *testing.T) {
	const status = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHi!\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.0.0\n\n--b--\n"
	for _, c := range []struct {
		mail string
		want Ignored
	}{
		{"Return-Path: <>\nFrom: Mailer Daemon <MAILER-DAEMON@mx.example>\nSubject: Delivery status notification: failed\n" + status, IgnoredBounce},
		{"Return-Path: <>\nFrom: someone@mx.example\nSubject: Delivery status notification: delayed\n" + status, IgnoredBounce},
		{"Return-Path: <a@b.example>\nFrom: a@b.example\nSubject: Backup report\n" + status, ""},
		{"From: lea@dupont.example (via the vacation program)\nSubject: hello\n\ntext\n", IgnoredAutoReply},
		{"From: lea@dupont.example\nSubject: away from my mail\n\nI will not be reading my mail for a while.\n", IgnoredAutoReply},
		{"From: lea@dupont.example\nSubject: I am on vacation\nDelivered-By-The-Graces-Of: The Vacation program\nPrecedence: bulk\n\ntext\n", IgnoredAutoReply},
		{"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nHi. This is the qmail-send program at mx.example.\n", IgnoredBounce},
		{"From: System Administrator <postmaster@dupont.example>\nSubject: Undeliverable: report\n\ntext\n", IgnoredBounce},
		{"From: postmaster@dupont.example\nSubject: Backup of SRV-AD delayed\n\nCould not deliver the copy.\n", ""},
		{"From: lea@dupont.example\nSubject: Automatische Antwort: Sicherung\n\ntext\n", IgnoredAutoReply},
		{"From: nas@dupont.example\nSubject: Backup of vacation photos\n\ntext\n", ""},
	} {
		if m := read(t, c.mail); m.Ignore != c.want {
			t.Errorf("%q: %q, want %q", c.mail[:70], m.Ignore, c.want)
		}
	}
}

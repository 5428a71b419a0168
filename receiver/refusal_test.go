package receiver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// A refusal of us, of the message or by their own trouble ends no transmission:
// somebody is called, and the mail leaves once it is mended. The answers are
// those of Postfix, Exim, Exchange Online, Gmail and cPanel.
func TestRefusalThatIsNotOfAnAddress(t *testing.T) {
	everybody := func(code int, text string) smtpsink.Faults {
		return smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": {Code: code, Text: text}}}
	}
	for name, c := range map[string]struct {
		faults smtpsink.Faults
		words  string // what the person who is called reads
	}{
		"relaying":        {everybody(550, "relay not permitted"), "our own settings"},
		"sender":          {everybody(550, "5.1.7 <vigie@msp.example>: Sender address rejected: undeliverable address"), "our own settings"},
		"login":           {everybody(530, "5.7.0 Authentication required"), "our own settings"},
		"hourly quota":    {everybody(550, "Domain msp.example has exceeded the max emails per hour (200/200) allowed"), "our own settings"},
		"no reason given": {everybody(550, "rejected"), ""},
		"content":         {smtpsink.Faults{Data: smtpsink.Reply{Code: 550, Text: "5.7.1 looks like spam"}}, "this message"},
		"size at MAIL":    {smtpsink.Faults{Mail: smtpsink.Reply{Code: 552, Text: "5.3.4 Message size exceeds fixed limit"}}, "this message"},
		"full":            {everybody(552, "5.2.2 mailbox full"), "trouble of theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			r := newRig(t, 0, withAlarm(t, g))
			if err := r.sink.SetFaults(c.faults); err != nil {
				t.Fatal(err)
			}
			r.fires(dog, backup("dupont", "SRV-AD", "primary"))
			r.stride(40*time.Minute, 10*time.Second)
			if g.count() == 0 || !strings.Contains(g.got[0], c.words) {
				t.Errorf("the second channel was called %d times: %q", g.count(), g.got)
			}
			if n := r.metric("vigie_notification_outbox_pending"); n < 1 {
				t.Errorf("%v pending", n)
			}
			if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
				t.Fatal(err)
			}
			r.stride(20*time.Minute, 10*time.Second)
			if n := len(r.mails("opened")); n != 1 {
				t.Errorf("%d mails of the failure once it is mended, want 1", n)
			}
			_, journal := r.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil)
			if strings.Contains(journal, "refused for good") {
				t.Errorf("the journal speaks of an address that was refused:\n%s", journal)
			}
			if told := strings.Contains(journal, "refuses this message, not the address"); told != (c.words == "this message") {
				t.Errorf("a refused message is told: %t\n%s", told, journal)
			}
		})
	}
}

// Who mends the settings and reloads does not wait for the next try; nor does who
// restarts.
func TestReloadTriesAtOnce(t *testing.T) {
	for name, again := range map[string]func(r *rig){
		"reload":  func(r *rig) { r.request(http.MethodPost, "/-/reload", adm1Token, nil) },
		"restart": func(r *rig) { r.restart() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 0)
			if err := r.sink.SetFaults(smtpsink.Faults{Mail: smtpsink.Reply{Code: 550, Text: "5.7.1 sender rejected"}}); err != nil {
				t.Fatal(err)
			}
			r.fires(dog, backup("dupont", "SRV-AD", "primary"))
			r.stride(2*time.Minute, 10*time.Second)
			if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
				t.Fatal(err)
			}
			r.stride(20*time.Second, 10*time.Second)
			if n := len(r.mails("opened")); n != 0 {
				t.Fatalf("%d mails before anybody says that it is mended: the test proves nothing", n)
			}
			again(r)
			r.stride(20*time.Second, 10*time.Second)
			if n := len(r.mails("opened")); n != 1 {
				t.Errorf("%d mails right after, want 1", n)
			}
		})
	}
}

// One address that nobody has is told as such, at once, while others are served.
func TestRefusedAddressIsTold(t *testing.T) {
	r := newRig(t, 0)
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"sup@msp.example": {Code: 550, Text: "5.1.1 User unknown in virtual mailbox table"}}}); err != nil {
		t.Fatal(err)
	}
	r.fires(dog, backup("dupont", "SRV-AD", "primary"))
	r.stride(10*time.Minute, 10*time.Second)
	_, journal := r.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil)
	if !strings.Contains(journal, "was refused for good") || r.metric("vigie_notification_outbox_pending") != 0 {
		t.Errorf("%v pending, journal:\n%s", r.metric("vigie_notification_outbox_pending"), journal)
	}
}

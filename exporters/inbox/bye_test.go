package inbox

import (
	"strings"
	"testing"

	"vigie/exporters"
	"vigie/exporters/inbox/inboxsim"
	"vigie/internal/imapbox"
)

// A server may end the session whenever it likes, also behind STARTTLS. What it says
// is told, no mail is blamed for it, and the next visit goes on.
func TestServersThatEndTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		faults inboxsim.Faults
		reason exporters.Reason
		text   string
	}{
		"at the login":           {inboxsim.Faults{ByeLogin: "[UNAVAILABLE] Server shutting down " + simPassword}, exporters.ReasonThrottled, "[UNAVAILABLE]"},
		"its own fault":          {inboxsim.Faults{ByeLogin: "[SERVERBUG] Internal error"}, exporters.ReasonServer, "[SERVERBUG]"},
		"while mails are read":   {inboxsim.Faults{ByeMail: "Server shutting down."}, exporters.ReasonThrottled, "the server ends the session; it goes on at the next visit: Server shutting down."},
		"while mails are read 2": {inboxsim.Faults{ByeMail: "[UNAVAILABLE] Autologout; idle for too long"}, exporters.ReasonThrottled, "[UNAVAILABLE] Autologout; idle for too long"},
	} {
		for security, word := range map[inboxsim.Security]string{inboxsim.StartTLS: "starttls", inboxsim.TLS: "tls", inboxsim.Plain: "none"} {
			t.Run(name+" "+word, func(t *testing.T) {
				b := mailboxBenchOn(t, inboxsim.Options{Password: simPassword, Security: security}, func(b *bench) { b.config.IMAP.Security = word })
				b.deliver(report("SRV-AD", "good", b.clock.Now(), ""))
				b.sim.SetFaults(c.faults)
				for range imapbox.Patience + 1 {
					b.fails(c.reason, c.text)
				}
				b.sim.SetFaults(inboxsim.Faults{})
				b.refresh()
				if b.job("SRV-AD").LastResult != exporters.Success || strings.Contains(b.metrics(), "backup_inbox_unsorted_messages{source=\"reports\"} 1") {
					t.Error("not read afterwards")
				}
				if strings.Contains(b.log.String()+b.metrics(), simPassword) {
					t.Error("the password comes out")
				}
			})
		}
	}
}

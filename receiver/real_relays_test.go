//go:build linux

package receiver_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/realmail"
	"vigie/receiver"
	"vigie/receiver/smtpsink"
)

// door passes connections on to an address that changes meanwhile.
type door struct {
	net.Listener
	to atomic.Value
}

func newDoor(t *testing.T) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			guest, err := l.Accept()
			if err != nil {
				return
			}
			host, err := net.Dial("tcp", d.to.Load().(string))
			if err != nil {
				guest.Close()
				continue
			}
			go func() { _, _ = io.Copy(host, guest); host.Close() }()
			go func() { _, _ = io.Copy(guest, host); guest.Close() }()
		}
	}()
	return d
}

// What a real relay has against us, this message or an address, in its own words.
type complaint struct {
	about string // how the person who is called reads it; "address" calls nobody
	asks  map[string]string
	logIn string // with this password, where the right one is "correct"
}

const (
	aboutUs      = "our own settings"
	aboutMessage = "this message"
	aboutThem    = "trouble of theirs"
	aboutAddress = "address"
)

func asks(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

var ofPostfix = map[string]complaint{
	"relaying denied":               {about: aboutUs, asks: asks("mynetworks", "192.0.2.0/24", "smtpd_relay_restrictions", "permit_mynetworks, reject_unauth_destination")},
	"relaying deferred":             {about: aboutThem, asks: asks("mynetworks", "192.0.2.0/24", "smtpd_relay_restrictions", "permit_mynetworks, defer_unauth_destination")},
	"submission without login":      {about: aboutUs, asks: asks("smtpd_recipient_restrictions", "permit_sasl_authenticated, reject")},
	"client without login":          {about: aboutUs, asks: asks("smtpd_client_restrictions", "permit_sasl_authenticated, reject")},
	"client at once":                {about: aboutUs, asks: asks("smtpd_client_restrictions", "reject", "smtpd_delay_reject", "no")},
	"sender is refused":             {about: aboutUs, asks: asks("smtpd_sender_restrictions", "check_sender_access static:REJECT")},
	"sender at once":                {about: aboutUs, asks: asks("smtpd_sender_restrictions", "check_sender_access static:REJECT", "smtpd_delay_reject", "no")},
	"helo":                          {about: aboutUs, asks: asks("smtpd_helo_restrictions", "check_helo_access static:REJECT")},
	"listed host":                   {about: aboutUs, asks: asks("smtpd_client_restrictions", "check_client_access inline:{ {127.0.0.1=521 5.7.1 Service unavailable; client [127.0.0.1] blocked using zen.dnsbl.example} }")},
	"listed host by a policy":       {about: aboutUs, asks: asks("smtpd_recipient_restrictions", "check_client_access inline:{ {127.0.0.1=554 5.7.1 You are blocked. Poor score}}")},
	"TLS at RCPT":                   {about: aboutThem, asks: asks("smtpd_recipient_restrictions", "reject_plaintext_session, permit")},
	"TLS at RCPT for good":          {about: aboutUs, asks: asks("smtpd_recipient_restrictions", "reject_plaintext_session, permit", "plaintext_reject_code", "550")},
	"greylisting":                   {about: aboutThem, asks: asks("smtpd_recipient_restrictions", "check_recipient_access static:{DEFER_IF_PERMIT Greylisted, see http://postgrey.example/help/msp.example.html}, permit")},
	"quota of the mailbox":          {about: aboutThem, asks: asks("smtpd_recipient_restrictions", "check_recipient_access static:{552 5.2.2 Mailbox is full / Quota exceeded}")},
	"quota of the sender":           {about: aboutUs, asks: asks("smtpd_sender_restrictions", "check_sender_access static:{550 5.7.1 Sending limit of 200 mails a day reached}")},
	"quota of the sender, at data":  {about: aboutUs, asks: asks("smtpd_data_restrictions", "check_sender_access static:{554 5.7.1 Daily quota exceeded for vigie}")},
	"header":                        {about: aboutMessage, asks: asks("cleanup", "header_checks = regexp:{ {/^Subject:/ REJECT looks like spam} }")},
	"header without a word":         {about: aboutMessage, asks: asks("cleanup", "header_checks = regexp:{ {/^Subject:/ REJECT} }")},
	"body":                          {about: aboutMessage, asks: asks("cleanup", "body_checks = regexp:{ {/SRV/ REJECT} }")},
	"milter that is away":           {about: aboutThem, asks: asks("smtpd_milters", "inet:127.0.0.1:9", "milter_connect_timeout", "2s")},
	"milter that is away, for good": {about: aboutUs, asks: asks("smtpd_milters", "inet:127.0.0.1:9", "milter_connect_timeout", "2s", "milter_default_action", "reject")},
	"size":                          {about: aboutMessage, asks: asks("message_size_limit", "1000")},
	"wrong password":                {about: aboutUs, logIn: "wrong", asks: asks("smtpd_sasl_auth_enable", "yes", "smtpd_sasl_type", "dovecot", "smtpd_sasl_path", "dovecot")},
	"sender of another login":       {about: aboutUs, logIn: "correct", asks: asks("smtpd_sasl_auth_enable", "yes", "smtpd_sasl_type", "dovecot", "smtpd_sasl_path", "dovecot", "smtpd_sender_restrictions", "reject_sender_login_mismatch", "smtpd_sender_login_maps", "static:other")},
	"TLS without a certificate":     {about: aboutUs, asks: asks("smtpd_tls_security_level", "encrypt")},
	"disk full":                     {about: aboutThem, asks: asks("queue_minfree", "900000000000000")},
	"at the end of data":            {about: aboutMessage, asks: asks("smtpd_end_of_data_restrictions", "reject")},
	"unknown":                       {about: aboutAddress, asks: asks("smtpd_recipient_restrictions", "check_recipient_access static:{550 5.1.1 User unknown in virtual mailbox table}")},
	"unknown, soft bounce":          {about: aboutThem, asks: asks("smtpd_recipient_restrictions", "check_recipient_access static:{550 5.1.1 User unknown}", "soft_bounce", "yes")},
	"no mail for its domain":        {about: aboutAddress, asks: asks("smtpd_recipient_restrictions", "check_recipient_access inline:{ {msp.example=550 5.1.2 We do not accept mail for this domain: domain not found}}")},
}

var ofExim = map[string]complaint{
	"relaying denied":         {about: aboutUs, asks: asks("rcpt", "deny message = relay not permitted")},
	"authentication required": {about: aboutUs, asks: asks("rcpt", "deny message = authentication required")},
	"no word":                 {about: aboutUs, asks: asks("rcpt", "deny")},
	"no word at MAIL":         {about: aboutUs, asks: asks("mail", "deny")},
	"no word at EHLO":         {about: aboutUs, asks: asks("helo", "deny")},
	"no word at once":         {about: aboutUs, asks: asks("connect", "deny")},
	"sender does not verify":  {about: aboutUs, asks: asks("rcpt", "require verify = sender/callout=2s,defer_ok\n  deny message = Sender verify failed")},
	"sender is not listed":    {about: aboutUs, asks: asks("mail", "deny message = sender <$sender_address> is not permitted to use this server")},
	"listed host":             {about: aboutUs, asks: asks("rcpt", "deny message = X-Warning: $sender_host_address is listed at zen.dnsbl.example")},
	"listed host, cPanel":     {about: aboutUs, asks: asks("rcpt", `deny message = "JunkMail rejected - ($sender_helo_name) [$sender_host_address] is in an RBL: https://www.dnsbl.example/query/ip/$sender_host_address"`)},
	"TLS required":            {about: aboutUs, asks: asks("mail", "deny message = Encryption required\n  !encrypted = *")},
	"rate":                    {about: aboutThem, asks: asks("rcpt", "defer message = Sender rate $sender_rate / $sender_rate_period")},
	"rate, for good":          {about: aboutUs, asks: asks("mail", "deny message = Your message rate is too high: 31 messages in the last hour")},
	"wrong password":          {about: aboutUs, logIn: "wrong", asks: asks("rcpt", "accept")},
	"password expired":        {about: aboutUs, logIn: "correct", asks: asks("auth", "deny message = Your password has expired")},
	"greylisting":             {about: aboutThem, asks: asks("rcpt", "defer message = greylisted, please try again later")},
	"no word, for now":        {about: aboutThem, asks: asks("rcpt", "defer")},
	"unroutable":              {about: aboutAddress, asks: asks("rcpt", "deny message = Unrouteable address")},
	"unknown":                 {about: aboutAddress, asks: asks("rcpt", "deny message = Unknown user")},
	"no such person":          {about: aboutAddress, asks: asks("rcpt", "deny message = No Such User Here")},
	"callout":                 {about: aboutAddress, asks: asks("rcpt", `deny message = Verification failed for <$local_part@$domain>\nThe mail server could not deliver mail to $local_part@$domain.  The account or domain may not exist, they may be blacklisted, or missing the proper dns entries.\nInvalid recipient`)},
	"mailbox full":            {about: aboutThem, asks: asks("rcpt", "deny message = Mailbox is full, or quota exceeded for $local_part")},
	"header syntax":           {about: aboutMessage, asks: asks("data", "deny message = header syntax")},
	"spam":                    {about: aboutMessage, asks: asks("data", "deny message = This message scored 9.7 spam points.")},
	"virus":                   {about: aboutMessage, asks: asks("data", "deny message = This message was detected as possible malware (Eicar-Test-Signature).")},
	"data without a word":     {about: aboutMessage, asks: asks("data", "deny")},
	"predata without a word":  {about: aboutUs, asks: asks("predata", "deny")},
}

// What real relays have against a mail, in their own words: it is told as what it
// is, a second relay is tried at once, and the mail leaves once that is mended.
func TestRealRefusals(t *testing.T) {
	passwords := func(t testing.TB) string { return "inet:" + realmail.Dovecot(t, "vigie", "correct", "").Auth }
	for server, c := range map[string]struct {
		doors func(testing.TB, string, map[string]map[string]string) map[string]string
		about map[string]complaint
	}{"postfix": {realmail.PostfixDoors, ofPostfix}, "exim": {realmail.EximDoors, ofExim}} {
		t.Run(server, func(t *testing.T) {
			next := newDoor(t)
			wanted := map[string]map[string]string{}
			for name, about := range c.about {
				if wanted[name] = about.asks; about.asks["smtpd_sasl_path"] == "dovecot" {
					wanted[name]["smtpd_sasl_path"] = passwords(t)
				}
			}
			addresses := c.doors(t, next.Addr().String(), wanted)
			n := 0
			for name, complaint := range c.about {
				n++
				machine := fmt.Sprintf("SRV-%03d", n)
				takes := addresses[""]
				if complaint.logIn != "" {
					takes = addresses["wrong password"] // which knows the right one
				}
				t.Run(name, func(t *testing.T) { complaint.isTold(t, next, machine, addresses[name], takes) })
				if complaint.about != aboutAddress {
					t.Run(name+" and a second relay", func(t *testing.T) { complaint.isPassedBy(t, next, "2-"+machine, addresses[name], addresses[""]) })
				}
			}
		})
	}
}

// refusedRig sends through a door to a real relay, which hands on to its sink.
func (c complaint) refusedRig(t *testing.T, next *door, refuses string, options ...func(*rig)) (*rig, *door, *gateway) {
	t.Helper()
	relay, g := newDoor(t), newGateway(t)
	relay.to.Store(refuses)
	r := newRig(t, 0, append(options, withAlarm(t, g), func(r *rig) {
		r.relay = relay.Addr().String()
		fallback := r.configure
		r.configure = func(config *receiver.Config) {
			if c.logIn != "" {
				config.Mail.Relay.Username, config.Mail.Relay.PasswordFile = "vigie", filepath.Join(r.dir, "mail.password")
				if err := os.WriteFile(config.Mail.Relay.PasswordFile, []byte(c.logIn), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if fallback != nil {
				fallback(config)
			}
		}
	})...)
	next.to.Store(r.sink.Addr())
	return r, relay, g
}

// opened are the mails of a machine's failure. What the relay has of an earlier test
// may come late.
func (r *rig) opened(machine string, wait time.Duration) (out []smtpsink.Message) {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		for _, m := range r.mails("opened") {
			if strings.Contains(m.Header("Subject"), machine) {
				out = append(out, m)
			}
		}
		if len(out) > 0 || time.Since(begun) > wait {
			return out
		}
	}
}

func (c complaint) isTold(t *testing.T, next *door, machine, refuses, takes string) {
	r, relay, g := c.refusedRig(t, next, refuses)
	r.fires(dog, backup("dupont", machine, "primary"))
	r.stride(40*time.Minute, 30*time.Second)
	_, journal := r.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil)
	words := strings.Join(g.got, " ")
	t.Log(words[strings.LastIndex(words, "\n")+1:])
	if len(r.opened(machine, 0)) != 0 {
		t.Fatal("the mail was taken: the test proves nothing")
	}
	if dead := strings.Contains(journal, "refused for good"); dead != (c.about == aboutAddress) {
		t.Errorf("told as an address that is refused for good: %t\n%s", dead, journal)
	}
	if c.about == aboutAddress {
		return
	}
	if g.count() == 0 || !strings.Contains(g.got[0], c.about) {
		t.Errorf("the second channel was called %d times, want %q: %q", g.count(), c.about, g.got)
	}
	if told := strings.Contains(journal, "refuses this message, not the address"); told != (c.about == aboutMessage) {
		t.Errorf("a refused message is told: %t\n%s", told, journal)
	}
	if c.logIn == "wrong" {
		if err := os.WriteFile(filepath.Join(r.dir, "mail.password"), []byte("correct"), 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		relay.to.Store(takes)
	}
	r.stride(16*time.Minute, 30*time.Second)
	if n := len(r.opened(machine, 10*time.Second)); n != 1 {
		t.Errorf("%d mails of the failure once it is mended, want 1", n)
	}
}

func (c complaint) isPassedBy(t *testing.T, next *door, machine, refuses, takes string) {
	r, _, g := c.refusedRig(t, next, refuses, func(r *rig) {
		r.configure = func(config *receiver.Config) {
			second := config.Mail.Relay
			host, port, _ := net.SplitHostPort(takes)
			second.Host, second.Username, second.PasswordFile = host, "", ""
			second.Port, _ = strconv.Atoi(port)
			config.Mail.Fallback = &second
		}
	})
	r.fires(dog, backup("dupont", machine, "primary"))
	r.stride(2*time.Minute, 30*time.Second)
	if n := len(r.opened(machine, 10*time.Second)); n != 1 || g.count() != 0 {
		t.Errorf("%d mails by the second relay, %d calls: %q", n, g.count(), g.got)
	}
}

package inbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/internal/clip"
	"vigie/receiver/notify"
)

func (b *bench) address() string {
	s := b.source.door.(*server)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener.Addr().String()
}

// send is what a product does.
func (b *bench) send(raw string, to ...string) error {
	if len(to) == 0 {
		to = []string{"expert@msp.example"}
	}
	return smtp.SendMail(b.address(), nil, "srv@dupont.example", to, []byte(raw))
}

func code(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestMailsThatComeByThemselves(t *testing.T) {
	b := serverBench(t)
	raw := report("SRV-AD", "bad", b.clock.Now(), "Error disk full")
	check(t, b.send(raw))
	check(t, b.send(raw, "Anything@Backup.MSP.example"))
	check(t, b.send(hello))
	check(t, b.send(report("SRV-WEB", "good", b.clock.Now(), strings.Repeat("<td>a page in one line</td>", 5000))))
	b.refresh()
	if j := b.job("SRV-AD"); j.LastResult != exporters.Failed || j.Failures != 1 || j.Error != "disk full" {
		t.Errorf("%+v", j)
	}
	if b.job("SRV-WEB") == nil {
		t.Error("a page in one line is lost")
	}
	b.unsorted(1)
	if err := b.send(raw, "lea@dupont.example"); code(err) != 550 {
		t.Errorf("a stranger's mail: %v", err)
	}
	if err := b.send(raw, "expert@msp.example", "a@evil-backup.msp.example"); code(err) != 550 {
		t.Errorf("a stranger's copy: %v", err)
	}
}

// Senders as scripts, cron and network drives give them: what they report is kept.
func TestSendersWithoutDomain(t *testing.T) {
	b := serverBench(t)
	for i, from := range []string{"<root>", " <backup>", "root", "<NAS Bureau>", "<nas@>", `<"Synology NAS" <nas@dupont.example>>`, "<root> SIZE=900", "<nas@dupont>", "<>"} {
		machine := fmt.Sprintf("SRV-%d", i)
		conn, err := net.Dial("tcp", b.address())
		check(t, err)
		text := textproto.NewConn(conn)
		raw := strings.Replace(report(machine, "good", b.clock.Now(), ""), "\r\n\r\n", "\r\n\r\nMAIL FROM:<root>\r\n", 1)
		for _, line := range []string{"", "EHLO nas", "MAIL FROM:" + from, "RCPT TO:<expert@msp.example>", "DATA", raw + "\r\n."} {
			if line != "" {
				check(t, text.PrintfLine("%s", line))
			}
			if code, said, err := text.ReadResponse(0); err != nil || code >= 400 {
				t.Errorf("%s: %s: %d %s %v", from, clip.Bytes(line, 30), code, said, err)
			}
		}
		text.Close()
		b.refresh()
		if b.job(machine) == nil {
			t.Errorf("%s: its report is lost", from)
		}
	}
}

// The envelope's recipient tells the customer though no header does.
func TestRecipientOfTheEnvelope(t *testing.T) {
	b := serverBench(t, func(b *bench) {
		b.config.Customers["martin"].To = []string{"martin@backup.msp.example"}
	})
	check(t, b.send(report("SRV-AD", "good", b.clock.Now(), ""), "Martin@backup.msp.example"))
	b.refresh()
	if j := b.job("SRV-AD"); j.Customer != "martin" {
		t.Errorf("%+v", j)
	}
}

// After 250 the mail is on disk, whatever becomes of the process: nothing is
// closed here before another source reads the folder.
func TestDurableBeforeTheAnswer(t *testing.T) {
	b := serverBench(t)
	check(t, b.send(report("SRV-AD", "good", b.clock.Now(), "")))
	check(t, b.send(hello))
	other := t.TempDir()
	check(t, os.CopyFS(filepath.Join(other, "inbox"), os.DirFS(filepath.Join(b.dir, "inbox"))))
	for _, f := range []string{"rules.yml", "example.eml", "dismiss"} {
		data, err := os.ReadFile(filepath.Join(b.dir, f))
		check(t, err)
		check(t, os.WriteFile(filepath.Join(other, f), data, 0o600))
	}
	b.dir = other
	b.source = nil
	b.restart()
	b.refresh()
	if b.job("SRV-AD").LastResult != exporters.Success {
		t.Error("the result is lost")
	}
	b.unsorted(1)
}

// When nothing can be stored nothing is acknowledged, and the sender's second
// try counts once.
func TestNothingCanBeStored(t *testing.T) {
	b := serverBench(t)
	raw := report("SRV-AD", "bad", b.clock.Now(), "")
	// A folder where the journal should be.
	check(t, os.Mkdir(filepath.Join(b.dir, "inbox", "results.journal"), 0o700))
	if err := b.send(raw); code(err) != 451 {
		t.Errorf("got %v", err)
	}
	check(t, os.Remove(filepath.Join(b.dir, "inbox", "results.journal")))
	check(t, b.send(raw))
	b.refresh()
	if b.job("SRV-AD").Failures != 1 {
		t.Error("counted twice")
	}
}

// A full list refuses for now what no rule reads, counts it, and lets reports in.
func TestFullListOverSMTP(t *testing.T) {
	b := serverBench(t, func(b *bench) { b.config.Limits.Unsorted = 1 })
	other := strings.Replace(hello, "Erste", "Andere", 1)
	check(t, b.send(hello))
	for range 2 {
		if err := b.send(other); code(err) != 452 {
			t.Errorf("got %v", err)
		}
	}
	check(t, b.send(report("SRV-AD", "good", b.clock.Now(), "")))
	b.refresh()
	list := b.unsorted(2)
	if len(list) != 1 || b.job("SRV-AD") == nil {
		t.Errorf("%+v", list)
	}
	if m := b.metrics(); !strings.Contains(m, `backup_source_endpoint_up{source="mails",endpoint="unsorted"} 0`) {
		t.Error("nothing says that the list is full")
	}
	check(t, b.source.Dismiss(list[0].ID))
	check(t, b.send(other))
	b.refresh()
	b.unsorted(1)
}

func TestLimitsOfTheServer(t *testing.T) {
	b := serverBench(t, func(b *bench) {
		b.config.Limits.MessageBytes = 64 << 10
		b.config.SMTP.MaxRcpt = 2
		b.config.SMTP.Connections = 2
	})
	if err := b.send(report("SRV-AD", "good", b.clock.Now(), strings.Repeat("text\r\n", 20000))); code(err) != 552 {
		t.Errorf("too long: %v", err)
	}
	b.refresh()
	if m := b.unsorted(1)[0]; m.Subject != "Backup of SRV-AD: good" || !strings.Contains(m.Problem, "not read beyond 65536") || m.SizeBytes < 120000 || m.To[len(m.To)-1] != "expert@msp.example" {
		t.Errorf("too long: %+v", m)
	}
	if err := b.send(hello, "expert@msp.example", "a@backup.msp.example", "b@backup.msp.example"); code(err) != 452 {
		t.Errorf("too many recipients: %v", err)
	}
	var conns []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", b.address())
		check(t, err)
		conns = append(conns, c)
	}
	heard := map[string]int{}
	for _, c := range conns {
		line := make([]byte, 3)
		_, err := c.Read(line)
		check(t, err)
		heard[string(line)]++
	}
	if heard["220"] > 2 || heard["421"] == 0 {
		t.Errorf("three at once hear %v", heard)
	}
	var err error
	for _, c := range conns {
		_ = c.Close()
	}
	for range 100 { // until the server noticed
		if err = b.send(hello); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("the places were not given back: %v", err)
	}
}

// A client that dawdles is sent away in time.
func TestDawdlingClient(t *testing.T) {
	b := serverBench(t, func(b *bench) { b.config.SMTP.Timeout = exporters.Duration(time.Second) })
	c, err := net.Dial("tcp", b.address())
	check(t, err)
	defer c.Close()
	check(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				_, _ = c.Write([]byte("NOOP\r\n")) // never silent for long
			}
		}
	})
	buf := make([]byte, 4096)
	for err == nil {
		_, err = c.Read(buf)
	}
	close(stop)
	wg.Wait()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("still served after 20 s")
	}
}

func TestNetworks(t *testing.T) {
	b := serverBench(t, func(b *bench) { b.config.SMTP.Networks = []string{"10.0.0.0/8", "::1"} })
	if err := b.send(hello); code(err) != 554 {
		t.Errorf("from outside the networks: %v", err)
	}
	b = serverBench(t, func(b *bench) { b.config.SMTP.Networks = []string{"127.0.0.1"} })
	check(t, b.send(hello))
}

// certify writes a certificate for 127.0.0.1 and gives who trusts it.
func (b *bench) certify() *tls.Config {
	b.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(b.t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	check(b.t, err)
	der8, err := x509.MarshalPKCS8PrivateKey(key)
	check(b.t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	b.write("cert.pem", string(cert))
	b.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

func TestAuthenticationAndTLS(t *testing.T) {
	var trust *tls.Config
	b := serverBench(t, func(b *bench) {
		trust = b.certify()
		b.config.SMTP.TLS = SMTPTLS{CertFile: "cert.pem", KeyFile: "key.pem", Required: true}
		b.config.SMTP.Username, b.config.SMTP.PasswordFile = "veeam", "password"
	})
	try := func(secure bool, auth smtp.Auth) error {
		c, err := smtp.Dial(b.address())
		check(t, err)
		defer c.Close()
		if secure {
			check(t, c.StartTLS(trust))
		}
		if auth != nil {
			if err := c.Auth(auth); err != nil {
				return err
			}
		}
		if err := c.Mail("a@dupont.example"); err != nil {
			return err
		}
		if err := c.Rcpt("expert@msp.example"); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		_, _ = w.Write([]byte(report("SRV-AD", "good", b.clock.Now(), "")))
		return w.Close()
	}
	plain := smtp.PlainAuth("", "veeam", simPassword, "127.0.0.1")
	for _, c := range []struct {
		name   string
		secure bool
		auth   smtp.Auth
		want   int
	}{
		{"in clear", false, nil, 530}, {"nobody", true, nil, 530},
		{"wrong password", true, smtp.PlainAuth("", "veeam", "wrong", "127.0.0.1"), 535},
		{"wrong name", true, smtp.PlainAuth("", "acronis", simPassword, "127.0.0.1"), 535},
		{"right", true, plain, 0}, {"the old way", true, login{"veeam", simPassword}, 0}, {"the old way, wrong", true, login{"veeam", "wrong"}, 535},
	} {
		if err := try(c.secure, c.auth); code(err) != c.want || c.want == 0 && err != nil {
			t.Errorf("%s: %v, want %d", c.name, err, c.want)
		}
	}
	b.refresh()
	if b.jobs() != 1 {
		t.Errorf("%d jobs", b.jobs())
	}
	if strings.Contains(b.log.String()+b.metrics(), simPassword) {
		t.Error("the password comes out")
	}
}

// login is the mechanism LOGIN of a client.
type login struct{ name, password string }

func (l login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }
func (l login) Next(from []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(from)), "username"):
		return []byte(l.name), nil
	default:
		return []byte(l.password), nil
	}
}

// A mail that Vigie sends is never read as a report, whatever it quotes.
func TestOurOwnMails(t *testing.T) {
	b := serverBench(t)
	_, port, err := net.SplitHostPort(b.address())
	check(t, err)
	var p int
	_, err = fmt.Sscan(port, &p)
	check(t, err)
	m, err := notify.NewMail(notify.MailConfig{Hello: "vigie.msp.example", Relay: notify.MailRelay{Host: "127.0.0.1", Port: p, TLS: notify.TLSNone}})
	check(t, err)
	id, err := notify.NewMessageID("msp.example", "i1", "1", "B7")
	check(t, err)
	for n, headers := range []map[string]string{{notify.HeaderStep: "B7"}, nil} {
		msg := notify.Message{ID: id, From: notify.Address{Addr: "vigie@dupont.example"}, To: []string{"expert@msp.example"}, Subject: "Backup of SRV-AD: good",
			Text: "Backup of SRV-AD: good\n" + strings.Repeat("x", n), Headers: headers, Date: b.clock.Now()}
		check(t, m.Deliver(t.Context(), msg, "expert@msp.example"))
	}
	check(t, b.send("From: lea@dupont.example\r\nIn-Reply-To: <"+id+">\r\nSubject: Backup of SRV-AD: good\r\n\r\n> Backup of SRV-AD: good\r\n"))
	b.refresh()
	b.unsorted(0)
	if b.jobs() != 0 {
		t.Error("our own words were believed")
	}
	for _, want := range []string{`ignored_messages_total{source="mails",reason="own"} 2`, `ignored_messages_total{source="mails",reason="reply"} 1`} {
		if !strings.Contains(b.metrics(), want) {
			t.Errorf("no %s", want)
		}
	}
}

// A reload hands the address and the folder over; what was being said is not
// acknowledged.
func TestHandOver(t *testing.T) {
	b := serverBench(t)
	b.config.SMTP.Listen = b.address()
	c, err := smtp.Dial(b.address())
	check(t, err)
	check(t, c.Mail("a@dupont.example"))
	b.restart()
	b.refresh()
	if err := c.Rcpt("expert@msp.example"); err == nil {
		t.Error("the old server goes on")
	}
	check(t, b.send(report("SRV-AD", "good", b.clock.Now(), "")))
	b.refresh()
	if b.jobs() != 1 {
		t.Errorf("%d jobs", b.jobs())
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	imap := func(f func(*IMAPConfig)) func(*bench) {
		return func(b *bench) {
			b.config.SMTP = nil
			b.config.IMAP = &IMAPConfig{Address: "mail.msp.example", Username: "expert", PasswordFile: "password"}
			f(b.config.IMAP)
		}
	}
	smtp := func(f func(*SMTPConfig)) func(*bench) { return func(b *bench) { f(b.config.SMTP) } }
	for _, c := range []struct {
		name   string
		change func(*bench)
		want   string
	}{
		{"open to the world", smtp(func(c *SMTPConfig) { c.Listen = "0.0.0.0:25" }), "smtp.networks: anybody who reaches 0.0.0.0:25 could send results; list the networks"},
		{"open by name", smtp(func(c *SMTPConfig) { c.Listen = ":25" }), "anybody who reaches :25"},
		{"a network of everybody", smtp(func(c *SMTPConfig) { c.Listen, c.Networks = "0.0.0.0:25", []string{"0.0.0.0/0"} }), "smtp.networks: 0.0.0.0/0 is everybody"},
		{"password in clear", smtp(func(c *SMTPConfig) { c.Listen, c.Username, c.PasswordFile = "0.0.0.0:25", "x", "password" }), "smtp.tls: the password would be shown"},
		{"no recipient", smtp(func(c *SMTPConfig) { c.Recipients = nil }), "smtp.recipients: missing"},
		{"bad recipient", smtp(func(c *SMTPConfig) { c.Recipients = []string{"expert"} }), `"expert" is no address`},
		{"bad network", smtp(func(c *SMTPConfig) { c.Networks = []string{"lan"} }), `"lan" is no network`},
		{"half a certificate", smtp(func(c *SMTPConfig) { c.TLS.CertFile = "x" }), "smtp.tls: a certificate without its key"},
		{"TLS without", smtp(func(c *SMTPConfig) { c.TLS.Required = true }), "smtp.tls.required: there is no certificate"},
		{"name without password", smtp(func(c *SMTPConfig) { c.Username = "x" }), "smtp.username: a name without a password"},
		{"both doors", func(b *bench) { b.config.IMAP = &IMAPConfig{} }, "smtp: given together with imap"},
		{"no door", func(b *bench) { b.config.SMTP = nil }, "imap: missing, and smtp as well"},
		{"IMAP in clear", imap(func(c *IMAPConfig) { c.Security = "none" }), "imap.security: none would show the password"},
		{"no password", imap(func(c *IMAPConfig) { c.PasswordFile = "" }), "imap.password_file: missing"},
		{"password and token", imap(func(c *IMAPConfig) { c.OAuth2 = &OAuth2Config{} }), "imap.password_file: given together with oauth2"},
		{"no token server", imap(func(c *IMAPConfig) { c.PasswordFile, c.OAuth2 = "", &OAuth2Config{ClientID: "x"} }), "imap.oauth2.token_url: missing; write for example"},
		{"no client", imap(func(c *IMAPConfig) { c.PasswordFile, c.OAuth2 = "", &OAuth2Config{TokenURL: tokenURL(t)} }), "imap.oauth2.client_id: missing"},
		{"no secret", imap(func(c *IMAPConfig) {
			c.PasswordFile, c.OAuth2 = "", &OAuth2Config{TokenURL: tokenURL(t), ClientID: "x"}
		}), "imap.oauth2.client_secret_file: missing"},
		{"no such secret", imap(func(c *IMAPConfig) {
			c.PasswordFile, c.OAuth2 = "", &OAuth2Config{TokenURL: tokenURL(t), ClientID: "x", ClientSecretFile: "nowhere"}
		}), "imap.oauth2.client_secret_file: "},
		{"delete", imap(func(c *IMAPConfig) { c.After = "delete" }), `imap.after: "delete" is unknown; write keep, seen, or move:`},
		{"move to itself", imap(func(c *IMAPConfig) { c.After = "move:INBOX" }), "imap.after"},
		{"no rules", func(b *bench) { b.config.Rules = nil }, "rules: missing"},
		{"rules not there", func(b *bench) { b.config.Rules = []string{"nowhere.yml"} }, "rules: open "},
		{"short token", func(b *bench) { b.write("dismiss", "short\n") }, "dismiss_token_file: a token shorter than"},
		{"two customers of a name", func(b *bench) { b.config.Customers["martin"].Called = []string{"Dupont"} }, `customers.martin.called: "Dupont" is empty or calls dupont as well`},
		{"bad sender", func(b *bench) { b.config.Customers["martin"].From = []string{"martin.example"} }, `customers.martin.from: "martin.example" is no address`},
	} {
		b := prepare(t)
		b.config.SMTP = &SMTPConfig{Recipients: []string{"expert@msp.example"}}
		c.change(b)
		err := b.config.Validate(b.dir)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s", c.name, err, c.want)
		}
	}
	for _, good := range []func(*bench){
		imap(func(c *IMAPConfig) { c.After, c.Security = "move:Read", "starttls" }),
		smtp(func(c *SMTPConfig) { c.Listen, c.Networks = "0.0.0.0:25", []string{"10.0.0.0/8"} }),
	} {
		b := prepare(t)
		b.config.SMTP = &SMTPConfig{Recipients: []string{"expert@msp.example"}}
		good(b)
		if err := b.config.Validate(b.dir); err != nil {
			t.Error(err)
		}
		if b.config.IMAP != nil && b.config.IMAP.Address != "mail.msp.example:143" {
			t.Error(b.config.IMAP.Address)
		}
	}
}

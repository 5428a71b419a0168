package main

import (
	"bytes"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/exporters/inbox"
	"vigie/exporters/inbox/inboxsim"
)

// mailbox is where the storage devices' own report mails go, on a real IMAP
// server.
type mailbox struct {
	now    func() time.Time
	server *inboxsim.Sim
	source *SourceState
}

func newMailbox(p *products, name string) product {
	c := p.options.Credentials
	m := &mailbox{now: p.now}
	m.source = p.source(SourceState{Name: name, Kind: inbox.Engine, Title: "Mailbox for report mails", Tenants: map[string]string{}})
	var err error
	if m.server, err = inboxsim.New(inboxsim.Options{Username: c.VeeamUser, Password: c.VeeamPassword}, p.options.Now()); err != nil {
		p.failed(err)
		return m
	}
	p.closers = append(p.closers, m.server)
	m.source.Address = m.server.Address()
	m.source.CAFile = filepath.Join(p.options.Exports, "mailbox.pem")
	if err := os.MkdirAll(p.options.Exports, 0o700); err != nil {
		p.failed(err)
		return m
	}
	if err := writeFile(m.source.CAFile, m.server.CA()); err != nil {
		p.failed(err)
	}
	m.source.setDown = func(down bool) { m.server.SetFaults(inboxsim.Faults{RefuseLogin: down}) }
	return m
}

// enter lets the customer's devices write.
func (m *mailbox) enter(b *Backup) { m.source.Tenants[b.machine.Customer] = b.machine.CustomerName }

func (m *mailbox) able(_ *Backup, c Condition) bool { return c == Good || c == Failing }

func (m *mailbox) usual() string { return "The destination is offline" }

func (m *mailbox) late() bool { return false }

// happen writes the mail that the device would write. Its Message-ID is the
// run's, so that a new mailbox with old mails tells nothing twice.
func (m *mailbox) happen(b *Backup) error {
	if m.server == nil {
		return nil // the start has failed
	}
	end := m.now().UTC()
	word, phrase, why := "completed", "has been completed successfully", ""
	if b.Condition != Good {
		word, phrase, why = "failed", "has failed", "Error: "+b.Error+"\r\n"
	}
	var mail bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&mail, "%s: %s\r\n", name, value) }
	header("From", fmt.Sprintf("<%s@%s.example>", strings.ToLower(b.name), b.machine.Customer))
	header("To", "<expert@msp.example>")
	header("Subject", mime.QEncoding.Encode("utf-8", fmt.Sprintf("[%s] Hyper Backup: %s", b.name, word)))
	header("Date", end.Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<%d.%s.%s@%s.example>", end.UnixNano(), word, strings.ToLower(b.name), b.machine.Customer))
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(&mail, "\r\nYour backup task %s %s.\r\n%s", b.Plan, phrase, why)
	return m.server.Deliver("INBOX", mail.Bytes(), end)
}

package answers_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/prometheus/client_golang/prometheus"

	"vigie/receiver"
	"vigie/receiver/config"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/rules/model"
)

const (
	boxUser     = "answers"
	boxPassword = "password-of-the-mailbox"
	replies     = "answers@msp.example"
	bounces     = "bounce@msp.example"
)

// postbox is a mailbox on a server, into which mails are put as a delivery does.
type postbox interface {
	deliver(raw string)
	address() string
}

// rig is a receiver with the example of a service provider, real SQLite, SMTP and
// IMAP, and its own clock.
type rig struct {
	t        *testing.T
	now      time.Time
	engine   *receiver.Engine
	sink     *smtpsink.Server
	box      postbox
	registry *prometheus.Registry
	seen     int // mails of the sink that were looked at
}

func newRig(t *testing.T, box postbox) *rig {
	t.Helper()
	r := &rig{t: t, now: at(t, "2026-03-09 07:10"), box: box, registry: prometheus.NewRegistry()}
	clock := func() time.Time { return r.now }
	var err error
	r.sink, err = smtpsink.Start(t.Context(), smtpsink.Options{Now: clock, MaxMessages: 1000})
	check(t, err)
	t.Cleanup(func() { _ = r.sink.Close() })
	setup, err := receiver.Load("../../deploy/examples/synomega/vigie.yml")
	check(t, err)
	host, port, err := net.SplitHostPort(r.sink.Addr())
	check(t, err)
	c := setup.Config
	c.Links, c.Alertmanagers, c.Prometheus, c.Exporters = nil, nil, nil, nil
	c.Mail.ReplyTo, c.Mail.Relay = "", config.RelayConfig{Host: host, TLS: "none"}
	c.Mail.Relay.Port, _ = strconv.Atoi(port)
	secret := filepath.Join(t.TempDir(), "password")
	write(t, secret, boxPassword+"\n")
	c.Answers = &config.AnswersConfig{Replies: "Sauvegardes <" + replies + ">", Bounces: bounces, Every: time.Minute,
		IMAP: config.IMAPConfig{Address: box.address(), Security: "none", Username: boxUser, PasswordFile: secret, Lookback: 10000 * time.Hour}}
	reloadable, err := setup.Reloadable()
	check(t, err)
	db, err := (store.Options{Ballast: 1 << 20}).Open(t.Context(), filepath.Join(t.TempDir(), "vigie.db"))
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	r.engine, err = receiver.New(t.Context(), receiver.Options{Store: db, Registry: r.registry, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: clock}, reloadable)
	check(t, err)
	return r
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	out, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	check(t, err)
	return out
}

// fails reports that a computer's backup fails.
func (r *rig) fails(machine string) {
	r.t.Helper()
	l := model.Labels{"alertname": "BackupFailed", "customer": "dupont", "machine": machine, "machine_class": "workstation", "backup_role": "primary",
		"engine": "acronis", "source": "acronis", "plan": "daily", "job_id": machine, "kind": "failed"}
	check(r.t, r.engine.Receive(r.t.Context(), receiver.Alerts{Fired: []model.Signal{{Kind: model.BackupAlert, Fingerprint: l.String(), Labels: l, StartsAt: r.now}}}))
}

// turn is one turn of the loops that matter here.
func (r *rig) turn() {
	r.t.Helper()
	for _, step := range []func() error{
		func() error { return r.engine.Tick(r.t.Context()) },
		func() error { return r.engine.AskDue(r.t.Context()) },
		func() error { return r.engine.Tick(r.t.Context()) },
		func() error { return r.engine.Deliver(r.t.Context()) },
	} {
		check(r.t, step())
	}
}

// settle lets what was decided leave.
func (r *rig) settle() {
	r.t.Helper()
	r.turn()
	r.now = r.now.Add(61 * time.Second)
	r.turn()
}

// look takes in what lies in the mailbox.
func (r *rig) look() {
	r.t.Helper()
	r.now = r.now.Add(61 * time.Second)
	check(r.t, r.engine.LookIntoMailbox(r.t.Context()))
}

// sent are the mails that came to the sink since it was asked last, to an address.
func (r *rig) sent(to string) (out []smtpsink.Message) {
	all := r.sink.Messages()
	for _, m := range all[r.seen:] {
		if slices.Contains(m.Recipients, to) {
			out = append(out, m)
		}
	}
	r.seen = len(all)
	return out
}

// told lets PC-LEA fail and gives the mail that its user got the next day.
func (r *rig) told() smtpsink.Message {
	r.t.Helper()
	r.fails("PC-LEA")
	r.now = at(r.t, "2026-03-10 09:31")
	r.settle()
	got := r.sent("lea@dupont.example")
	if len(got) != 1 {
		r.t.Fatalf("%d mails to the user, want 1", len(got))
	}
	return got[0]
}

// only is the one incident.
func (r *rig) only() receiver.Summary {
	r.t.Helper()
	all, err := r.engine.Incidents(r.t.Context(), store.Filter{})
	check(r.t, err)
	if len(all) != 1 {
		r.t.Fatalf("%d incidents", len(all))
	}
	return all[0]
}

// open are the mails that wait for a person.
func (r *rig) open() []store.Mail {
	r.t.Helper()
	out, err := r.engine.ReceivedMails(r.t.Context(), true, "", 100)
	check(r.t, err)
	return out
}

func header(m smtpsink.Message, name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// reply is a mail in answer to another, with whatever headers stand in more.
func reply(to smtpsink.Message, from, text string, more ...string) string {
	n := time.Now().UnixNano()
	heads := append([]string{"From: " + from, "To: " + header(to, "Reply-To"), "Subject: Re: " + to.Subject, fmt.Sprintf("Message-ID: <%d@dupont.example>", n),
		"In-Reply-To: <" + to.MessageID + ">", "References: <" + to.MessageID + ">", "Date: Tue, 10 Mar 2026 10:00:00 +0100", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"}, more...)
	return strings.Join(heads, "\r\n") + "\r\n\r\n" + text + "\r\n"
}

// memory is a mailbox on a server in this process.
type memory struct {
	t    *testing.T
	user *imapmemserver.User
	at   string
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{t: t, user: imapmemserver.NewUser(boxUser, boxPassword)}
	check(t, m.user.Create("INBOX", nil))
	all := imapmemserver.New()
	all.AddUser(m.user)
	s := imapserver.New(&imapserver.Options{Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, InsecureAuth: true,
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return all.NewSession(), nil, nil
		}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	m.at = l.Addr().String()
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return m
}

func (m *memory) address() string { return m.at }

func (m *memory) deliver(raw string) {
	m.t.Helper()
	_, err := m.user.Append("INBOX", literal{strings.NewReader(raw), int64(len(raw))}, &imap.AppendOptions{Time: at(m.t, "2026-03-10 10:00")})
	check(m.t, err)
}

type literal struct {
	io.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

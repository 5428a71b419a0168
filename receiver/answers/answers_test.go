package answers_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/receiver/web"
	"vigie/rules/model"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
}

// everyServer runs a test with a mailbox in this process, and on a real Dovecot
// where real servers are asked for.
func everyServer(t *testing.T, test func(t *testing.T, box postbox)) {
	t.Run("memory", func(t *testing.T) { test(t, newMemory(t)) })
	t.Run("dovecot", func(t *testing.T) { test(t, newDovecot(t)) })
}

// Each transmission has an envelope sender and a reply address of its own, of the
// same token.
func TestEachTransmissionIsNamed(t *testing.T) {
	r := newRig(t, newMemory(t))
	r.told()
	tokens := map[string]bool{}
	for _, m := range r.sink.Messages() {
		token, ok := strings.CutPrefix(m.From, "bounce+")
		token, at, _ := strings.Cut(token, "@")
		if !ok || at != "msp.example" || len(token) != 26 || tokens[token] {
			t.Errorf("envelope sender %s", m.From)
		}
		tokens[token] = true
		if got := header(m, "Reply-To"); !strings.Contains(got, "<answers+"+token+"@msp.example>") || !strings.Contains(got, "Sauvegardes") {
			t.Errorf("Reply-To %s, envelope sender %s", got, m.From)
		}
	}
	if len(tokens) < 3 {
		t.Errorf("%d transmissions: the copies have tokens of their own", len(tokens))
	}
}

// covers: S1.21, T14; an answer is kept with the incident without what it quotes,
// nobody phones, and those whom it concerns read its words the same day.
func TestAnswerByMail(t *testing.T) {
	everyServer(t, func(t *testing.T, box postbox) {
		r := newRig(t, box)
		m := r.told()
		box.deliver(reply(m, "=?utf-8?q?L=C3=A9a_Dupont?= <lea@dupont.example>",
			"Bonjour,\r\nle portable est allumé ce soir.\r\n\r\nLe mar. 10 mars 2026 à 09:32, Sauvegardes <answers@msp.example> a écrit :\r\n> Bonjour, la sauvegarde de PC-LEA\r\n> n'a pas pu se faire.\r\n"))
		r.look()
		inc := r.only()
		last := inc.Acts[len(inc.Acts)-1]
		if last.Verb != "answer" || last.By != "lea" || last.Fields["note"] != "Bonjour,\nle portable est allumé ce soir." || inc.State != model.Waiting {
			t.Fatalf("act %+v, state %s", last, inc.State)
		}
		r.settle()
		for _, to := range []string{"sup@msp.example", "am.dupont@msp.example"} {
			r.seen = 0
			if !slices.ContainsFunc(r.sent(to), func(m smtpsink.Message) bool {
				return header(m, "X-Vigie-Template") == "answer-received" && strings.Contains(m.Text, "le portable est allumé ce soir.")
			}) {
				t.Errorf("%s is not told", to)
			}
		}
		r.now = at(t, "2026-03-17 09:31")
		r.turn()
		if got := r.only().State; got == model.CallDue && r.now.Before(inc.Until) {
			t.Errorf("state %s although there was an answer", got)
		}
		if len(r.open()) > 0 {
			t.Errorf("waits for a person: %+v", r.open())
		}
	})
}

// covers: S1.21; an absence note, by whatever program, is no answer: after a week
// somebody phones. The incident's journal has it all the same.
func TestAbsenceIsNoAnswer(t *testing.T) {
	everyServer(t, func(t *testing.T, box postbox) {
		r := newRig(t, box)
		m := r.told()
		// In the form that RFC 5230 and RFC 3834 prescribe.
		box.deliver(reply(m, "lea@dupont.example", "Je suis absente jusqu'au 20 mars.", "Auto-Submitted: auto-replied (vacation)", "Precedence: bulk"))
		// Of a program without headers of its own: it names no mail that it answers.
		box.deliver("From: lea@dupont.example\r\nTo: bounce+" + tokenOf(m) + "@msp.example\r\nSubject: bonjour\r\nMessage-ID: <v@dupont.example>\r\n\r\nJe suis absente.\r\n")
		r.look()
		inc := r.only()
		if len(inc.Acts) > 0 || !inc.Flags["customer_told"] {
			t.Errorf("acts %+v", inc.Acts)
		}
		lines, err := r.engine.Journal(t.Context(), inc.ID)
		check(t, err)
		noted := 0
		for _, l := range lines {
			if strings.HasPrefix(l.What, "absence ") {
				noted++
			}
		}
		if noted != 1 {
			t.Errorf("%d lines about an absence, want 1", noted)
		}
		if open := r.open(); len(open) != 1 || !strings.Contains(open[0].Reason, "names no mail that it answers") {
			t.Errorf("open: %+v", open)
		}
		r.now = at(t, "2026-03-17 09:31")
		r.turn()
		if got := r.only().State; got != model.CallDue {
			t.Errorf("state %s: an absence note counted as an answer", got)
		}
	})
}

func tokenOf(m smtpsink.Message) string {
	token, _, _ := strings.Cut(strings.TrimPrefix(m.From, "bounce+"), "@")
	return token
}

// covers: T14; a bounce undoes the written trace, the supervisor is told and asked
// for another address; a delay is news and nothing else.
func TestBounceByMail(t *testing.T) {
	everyServer(t, func(t *testing.T, box postbox) {
		bounced(t, box, func(m smtpsink.Message) string {
			return dsn("Undelivered", m, "failed", "5.1.1", "smtp; 550 5.1.1 no such user here")
		})
	})
}

// covers: T14; so does one in words alone, as qmail writes it, or Exim once did: it
// says auto-replied, and is no absence.
func TestBounceInWordsByMail(t *testing.T) {
	for _, more := range []string{"", "Auto-Submitted: auto-replied\r\nX-Failed-Recipients: lea@dupont.example\r\n"} {
		bounced(t, newMemory(t), func(m smtpsink.Message) string {
			return "From: MAILER-DAEMON@mx.msp.example\r\nTo: " + m.From + "\r\nSubject: failure notice\r\n" + more + "\r\nI'm afraid I wasn't able to deliver your message to the following addresses.\r\n" +
				"This is a permanent error; I've given up.\r\n\r\n<" + m.Recipients[0] + ">:\r\nRemote host said: 550 5.1.1 no such user here\r\n\r\n--- Below this line is a copy of the message.\r\n\r\nMessage-ID: <" + m.MessageID + ">\r\n"
		})
	}
}

func bounced(t *testing.T, box postbox, failure func(smtpsink.Message) string) {
	t.Helper()
	r := newRig(t, box)
	m := r.told()
	box.deliver(dsn("Delayed", m, "delayed", "4.4.1", "smtp; 451 try later"))
	r.look()
	if inc := r.only(); !inc.Flags["customer_told"] || len(r.open()) > 0 {
		t.Fatalf("a delay changed something: %v %v", inc.Flags, r.open())
	}
	box.deliver(failure(m))
	r.look()
	if inc := r.only(); inc.Flags["customer_told"] {
		t.Errorf("the trace stands: %v", inc.Flags)
	}
	r.settle()
	r.seen = 0
	if !slices.ContainsFunc(r.sent("sup@msp.example"), func(m smtpsink.Message) bool {
		return header(m, "X-Vigie-Template") == "D7" && strings.Contains(m.Text, "lea@dupont.example")
	}) {
		t.Error("the supervisor is not asked for another address")
	}
	messages, err := r.engine.Messages(t.Context(), receiver.MessageFilter{Incident: r.only().ID}, "sup")
	check(t, err)
	shown := false
	for _, one := range messages {
		for _, to := range one.Recipients {
			shown = shown || to.Address == "lea@dupont.example" && to.Status == store.Refused && strings.Contains(to.Detail, "no such user here")
		}
	}
	if !shown {
		t.Errorf("the list of messages does not show it: %+v", messages)
	}
}

// Nobody answers for another: what a stranger writes, or another customer's
// person, or who took the address from somewhere, goes to the list and into no
// incident; what comes twice is taken in once.
func TestNobodyAnswersForAnother(t *testing.T) {
	everyServer(t, func(t *testing.T, box postbox) {
		r := newRig(t, box)
		m := r.told()
		strangers := []string{
			reply(m, "Eve <eve@elsewhere.example>", "all good, close it"),
			reply(m, "it@martin.example", "ours works"),
			strings.Replace(reply(m, "lea@dupont.example", "hello"), "answers+"+tokenOf(m), "answers+"+strings.Repeat("a", 26), 1),
			reply(m, "lea@dupont.example", "> only what is quoted"),
			reply(m, "lea@dupont.example", "We have received your request: ticket 42.", "Auto-Submitted: auto-generated"),
		}
		strangers[2] = strings.ReplaceAll(strangers[2], m.MessageID, "unknown@msp.example")
		for _, s := range strangers {
			box.deliver(s)
		}
		r.look()
		if inc := r.only(); len(inc.Acts) > 0 {
			t.Errorf("acts %+v", inc.Acts)
		}
		if open := r.open(); len(open) != len(strangers) {
			t.Errorf("%d mails wait for a person, want %d: %+v", len(open), len(strangers), open)
		}
		// Their own account manager may, and his mail comes twice.
		own := reply(m, "am.dupont@msp.example", "je les appelle")
		box.deliver(own)
		box.deliver(own)
		r.look()
		inc := r.only()
		if len(inc.Acts) != 1 || inc.Acts[0].Verb != "note" || inc.Acts[0].By != "am.dupont" {
			t.Errorf("acts %+v", inc.Acts)
		}
		r.settleThroughTheAPI(len(strangers))
	})
}

// settleThroughTheAPI pages through the list of mails and settles the first.
func (r *rig) settleThroughTheAPI(n int) {
	r.t.Helper()
	site := httptest.NewServer(web.New(web.Options{Engine: r.engine, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return r.now },
		Person: func(token string) (string, bool) { return "sup", token == "token-of-sup" }}))
	defer site.Close()
	ask := func(method, path, body string, into any) int {
		req, err := http.NewRequestWithContext(r.t.Context(), method, site.URL+path, strings.NewReader(body))
		check(r.t, err)
		req.Header.Set("Authorization", "Bearer token-of-sup")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		check(r.t, err)
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			check(r.t, json.NewDecoder(resp.Body).Decode(into))
		}
		return resp.StatusCode
	}
	var seen []string
	for next := ""; ; {
		var page struct {
			Mails []store.Mail `json:"mails"`
			Next  string       `json:"next"`
		}
		if code := ask(http.MethodGet, "/api/v1/mails?limit=3&after="+next, "", &page); code != http.StatusOK {
			r.t.Fatalf("the list answers %d", code)
		}
		for _, m := range page.Mails {
			seen = append(seen, m.ID)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if slices.Sort(seen); len(seen) != n || len(slices.Compact(seen)) != n {
		r.t.Fatalf("pages with %d mails, want %d", len(seen), n)
	}
	var done store.Mail
	if code := ask(http.MethodPost, "/api/v1/mails/"+seen[0]+"/settle", `{"reason": "phoned them"}`, &done); code != http.StatusOK || done.Open || done.SettledBy != "sup" || done.Reason != "phoned them" {
		r.t.Errorf("settling answers %d: %+v", code, done)
	}
	if left := r.open(); len(left) != n-1 {
		r.t.Errorf("%d left", len(left))
	}
	for path, want := range map[string]int{"/api/v1/mails?limit=0": 422, "/api/v1/mails?open=perhaps": 422, "/api/v1/mails?nonsense=1": 422, "/api/v1/mails?after=nothing": 404} {
		if code := ask(http.MethodGet, path, "", &done); code != want {
			r.t.Errorf("%s answers %d, want %d", path, code, want)
		}
	}
}

// Without the token the Message-ID and the sender's own address name the mail.
func TestAnswerWithoutToken(t *testing.T) {
	r := newRig(t, newMemory(t))
	m := r.told()
	r.box.deliver(strings.Replace(reply(m, "LEA@dupont.example", "c'est fait"), "answers+"+tokenOf(m), "answers", 1))
	r.look()
	if inc := r.only(); len(inc.Acts) != 1 || inc.Acts[0].By != "lea" {
		t.Errorf("acts %+v, open %+v", inc.Acts, r.open())
	}
}

// An answer below a mail that is quoted without marks, as some programs do: nothing can
// be told for its sender's own words, and whoever looks at it reads all of it.
func TestAnswerBelowUnmarkedQuote(t *testing.T) {
	r := newRig(t, newMemory(t))
	m := r.told()
	r.box.deliver(reply(m, "lea@dupont.example", "On 10 Mar 2026 09:32, \"Vigie\" <answers@msp.example> wrote:\r\n\r\nHello,\r\nyour computer\r\n\r\nIt is on again.\r\n"))
	r.look()
	if open := r.open(); len(r.only().Acts) > 0 || len(open) != 1 || !strings.Contains(open[0].Text, "It is on again.") {
		t.Errorf("acts %+v, open %+v", r.only().Acts, open)
	}
}

// A mailbox that cannot be read is seen in the metrics, and what comes later is
// read once it can be.
func TestMailboxHealth(t *testing.T) {
	box := newMemory(t)
	r := newRig(t, box)
	m := r.told()
	check(t, box.user.Rename("INBOX", "Elsewhere", nil))
	r.now = r.now.Add(2 * time.Minute)
	if err := r.engine.LookIntoMailbox(t.Context()); err == nil {
		t.Error("no error without a folder")
	}
	if got := gauge(t, r, "vigie_mailbox_up"); got != 0 {
		t.Errorf("up %v", got)
	}
	check(t, box.user.Rename("Elsewhere", "INBOX", nil))
	box.deliver(reply(m, "lea@dupont.example", "c'est fait"))
	r.look()
	if got := gauge(t, r, "vigie_mailbox_up"); got != 1 || len(r.only().Acts) != 1 {
		t.Errorf("up %v, acts %v", got, r.only().Acts)
	}
}

func gauge(t *testing.T, r *rig, name string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	check(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// dsn is a delivery report about a transmission, in the form of RFC 3464 as
// Postfix writes it.
func dsn(subject string, m smtpsink.Message, action, status, why string) string {
	return strings.ReplaceAll(`Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.msp.example>
To: `+m.From+`
Subject: `+subject+`
Message-ID: <`+action+`@mx.msp.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=utf-8

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.msp.example
Arrival-Date: Tue, 10 Mar 2026 09:32:00 +0100

Final-Recipient: rfc822; mailbox-7@internal.example
Original-Recipient: rfc822; `+m.Recipients[0]+`
Action: `+action+`
Status: `+status+`
Diagnostic-Code: `+why+`

--b1
Content-Type: text/rfc822-headers

Message-ID: <`+m.MessageID+`>
Subject: x

--b1--
`, "\n", "\r\n")
}

package inbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"vigie/internal/mailread"
)

func read(t *testing.T, raw string) Mail {
	t.Helper()
	m, err := ReadMail([]byte(raw))
	check(t, err)
	return m
}

func latin(t *testing.T, s string) string {
	t.Helper()
	out, err := charmap.Windows1252.NewEncoder().String(s)
	check(t, err)
	return out
}

func TestTextsOfMails(t *testing.T) {
	const head = "From: a@dupont.example\r\nDate: Mon, 09 Mar 2026 22:00:00 +0100\r\nSubject: s\r\n"
	part := func(kind, body string) string { return "--b\r\n" + kind + "\r\n\r\n" + body + "\r\n" }
	for _, c := range []struct {
		name, raw string
		want      []string
	}{
		{"no type", head + "\r\nÉchec\r\n", []string{"Échec\n\n"}},
		{"Latin without a word about it", head + "\r\n" + latin(t, "Échec – 5 €") + "\r\n", []string{"Échec – 5 €\n\n"}},
		{"iso-8859-1", head + "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xc9chec\r\n", []string{"Échec\n\n"}},
		{"windows-1252, quoted-printable", head + "Content-Type: text/plain; charset=\"Windows-1252\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C9chec =80=\r\n 5\r\n", []string{"Échec € 5\n\n"}},
		{"base64", head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("Échec")) + "\r\n", []string{"Échec\n"}},
		{"unknown charset", head + "Content-Type: text/plain; charset=x-klingon\r\n\r\nplain\r\n", []string{"plain\n\n"}},
		{"HTML alone", head + "Content-Type: text/html\r\n\r\n<html><head><title>no</title><style>no{}</style></head><body><p>one &amp; two</p><script>no</script>three<br>four</body></html>", []string{"one & two\nthree\nfour\n\n"[:len("one & two\nthree\nfour\n")]}},
		{"both", head + "Content-Type: multipart/alternative; boundary=b\r\n\r\n" + part("Content-Type: text/plain", "plain") + part("Content-Type: text/html", "<b>rich</b>") + "--b--\r\n", []string{"plain\n", "rich\n"}},
		{"attachment", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part("Content-Type: text/plain", "plain") + part("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=log.txt", "log") + part("Content-Type: application/zip", "PK") + "--b--\r\n", []string{"plain\n"}},
		{"a mail within", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part("Content-Type: text/plain", "outer") + part("Content-Type: message/rfc822", "Subject: x\r\n\r\ninner") + "--b--\r\n", []string{"outer\n"}},
		{"table", head + "Content-Type: text/html\r\n\r\n<table><tr><th>Name</th><th>Status</th><th>Why</th></tr><tr><td> SRV&nbsp;AD\n</td><td><span>Success</span></td><td></td></tr></table>", []string{"Name\tStatus\tWhy\nSRV AD\tSuccess\n"}},
		{"lines of Windows and blanks", head + "\r\none \t\r\n\u00a0two\u00a0\r\n", []string{"one\n two\n\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := read(t, c.raw)
			if !slices.Equal(m.Texts, c.want) {
				t.Errorf("got  %q\nwant %q", m.Texts, c.want)
			}
		})
	}
}

func TestHeadersOfMails(t *testing.T) {
	m := read(t, "From: =?iso-8859-1?Q?Ren=E9?= <Rene@Dupont.Example>\r\nSender: \"x\" <robot@dupont.example>\r\nTo: a@msp.example, \"B, C\" <b@msp.example>\r\nCc: broken <c@msp.example\r\n"+
		"Delivered-To: d@msp.example\r\nSubject: =?utf-8?B?w4ljaGVj?= de la\r\n =?iso-8859-1?Q?_sauvegarde_=E9t=E9?=\r\nDate: Mon, 9 Mar 2026 22:00:00 +0100 (CET)\r\nMessage-ID: <1@dupont.example>\r\n\r\ntext\r\n")
	if m.Subject != "Échec de la sauvegarde été" || !slices.Equal(m.From, []string{"rene@dupont.example", "robot@dupont.example"}) ||
		!slices.Equal(m.To, []string{"a@msp.example", "b@msp.example", "c@msp.example", "d@msp.example"}) ||
		!m.Date.Equal(time.Date(2026, 3, 9, 21, 0, 0, 0, time.UTC)) || m.MessageID != "1@dupont.example" {
		t.Errorf("%+v", m)
	}
	if m := read(t, "From: a@x\r\nSubject: "+latin(t, "Échec")+"\r\nDate: yesterday\r\n\r\ntext\r\n"); m.Subject != "Échec" || !m.Date.IsZero() {
		t.Errorf("%+v", m)
	}
}

// A mail is the same whichever way it came, and never another one, though a
// script give all of its mails one Message-ID.
// The zones are those of RFC 5322, 4.3; a word that several zones use tells no instant,
// so that the arrival counts. The zone of the machine that reads has no say.
func TestDatesWithZonesAsWords(t *testing.T) {
	received := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	for date, want := range map[string]string{
		"Sun, 29 Nov 2026 22:00:00 EST":         "2026-11-30T03:00:00Z",
		"Sun, 29 Nov 2026 19:00:00 PST":         "2026-11-30T03:00:00Z",
		"Sun, 29 Nov 2026 22:00:00 CET":         "2026-11-29T21:00:00Z",
		"Sun, 29 Nov 2026 22:00:00 GMT":         "2026-11-29T22:00:00Z",
		"Sun, 29 Nov 2026 22:00:00 -0500 (EST)": "2026-11-30T03:00:00Z",
		"Sun, 29 Nov 2026 22:00:00 IST":         "2026-11-30T04:00:00Z",
	} {
		m := read(t, "From: a@dupont.example\r\nDate: "+date+"\r\nSubject: s\r\n\r\nx\r\n")
		if got := m.sent(received).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
	}
}

// A layout with MST reads the words of the rule's zone, and those that mean the same
// everywhere.
func TestLayoutsWithZonesAsWords(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	clock := times{layouts: []string{"2006-01-02 15:04:05 MST"}, zone: paris}
	for text, want := range map[string]string{
		"2026-07-01 22:00:00 CEST":  "2026-07-01T20:00:00Z",
		"2026-07-01 22:00:00 EDT":   "2026-07-02T02:00:00Z",
		"2026-07-01 22:00:00 UTC":   "2026-07-01T22:00:00Z",
		"2026-07-01 22:00:00 GMT-5": "2026-07-02T03:00:00Z",
		"2026-07-01 22:00:00 BRT":   "",
	} {
		at, ok := clock.parse(text)
		if got := at.UTC().Format(time.RFC3339); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, %t; want %q", text, got, ok, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	const a = "From: a@x\r\nMessage-ID: <1@x>\r\nDate: Mon, 09 Mar 2026 22:00:00 +0100\r\nSubject: s\r\n\r\ntext\r\n"
	id := read(t, a).ID
	if same := read(t, "Received: by mx\r\nX-Spam: no\r\n"+strings.ReplaceAll(a, "\r\n", "\n")).ID; same != id {
		t.Error("other headers of the way, another mail")
	}
	for _, other := range []string{strings.Replace(a, "text", "test", 1), strings.Replace(a, "22:00", "23:00", 1), strings.Replace(a, "Subject: s", "Subject: t", 1), strings.Replace(a, "1@x", "2@x", 1)} {
		if read(t, other).ID == id {
			t.Errorf("the same mail: %q", other)
		}
	}
}

// Mails made to exhaust the reader end in an error, not in memory.
func TestBombs(t *testing.T) {
	deep := "From: a@x\r\n"
	for i := range 50 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	wide := "From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", 1000) + "--b--\r\n"
	for name, raw := range map[string]string{
		"deep": deep, "wide": wide,
		"long text":    "From: a@x\r\n\r\n" + strings.Repeat("x", 2<<20),
		"long header":  "From: a@x\r\nSubject: " + strings.Repeat("x", 1<<20) + "\r\n\r\ntext",
		"many headers": strings.Repeat("X-Y: z\r\n", 1<<17) + "\r\ntext",
		"no end":       "From: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhalf",
		"no boundary":  "From: a@x\r\nContent-Type: multipart/mixed\r\n\r\n--b\r\n\r\nhalf",
		"half base64":  "From: a@x\r\nContent-Transfer-Encoding: base64\r\n\r\nYmFja3VwIG\r\n\r\na footer",
		"hurt base64":  "From: a@x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("YmFj", 19) + "\r\n!" + strings.Repeat("YmFj", 18) + "YmF\r\n" + strings.Repeat("YmFj", 19) + "\r\n",
		"late base64":  "From: a@x\r\nContent-Transfer-Encoding: base64\r\n\r\nCAUTION: external\r\n\r\n/4AA\r\n",
		"bad base64":   "From: a@x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
	} {
		m, err := ReadMail([]byte(raw))
		if err == nil {
			t.Errorf("%s: read: %q", name, m.Texts)
		}
		if !itemName.MatchString(m.ID) {
			t.Errorf("%s: no identity", name)
		}
	}
	for name, page := range map[string]string{
		"deep tables": strings.Repeat("<table><tr><td>", 50000), "open tags": strings.Repeat("<", 1<<19), "long attribute": "<a x='" + strings.Repeat("x", 1<<19),
		"entities": strings.Repeat("&amp;", 1<<17), "comments": strings.Repeat("<!--", 1<<17),
	} {
		start := time.Now()
		if out := mailread.HTMLText(page); len(out) > len(page)+1 {
			t.Errorf("%s grew from %d to %d bytes", name, len(page), len(out))
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
}

func TestMailsThatAreNoReports(t *testing.T) {
	const ours = "abcdefghijklmnopqrstuvwxyz@msp.example"
	for _, c := range []struct {
		name, header string
		want         Ignored
	}{
		{"report", "", ""},
		{"a product's report says it is made by a machine", "Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n", ""},
		{"ours by its step", "X-Vigie-Step: B7\r\n", IgnoredOwn},
		{"ours by its form", "Message-ID: <" + ours + ">\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n", IgnoredOwn},
		{"answer to ours", "In-Reply-To: <" + ours + ">\r\n", IgnoredReply},
		{"thread of ours", "References: <1@x> <" + ours + ">\r\n", IgnoredReply},
		{"auto-reply", "Auto-Submitted: auto-replied (vacation)\r\n", IgnoredAutoReply},
		{"old auto-reply", "X-Autoreply: yes\r\n", IgnoredAutoReply},
		{"auto-reply to ours", "Auto-Submitted: auto-replied\r\nIn-Reply-To: <" + ours + ">\r\n", IgnoredAutoReply},
		{"absence", "Subject: Réponse automatique : Backup of M: good\r\n", IgnoredAutoReply},
		{"a bounce from nobody", "Return-Path: <>\r\nSubject: Undeliverable Message\r\n", IgnoredBounce},
		{"a report from nobody", "Return-Path: <>\r\nSubject: Backup of M: permanent error\r\n", ""},
		{"Domino's absence", "Subject: AUTO: NAS is out of the office (returning 16/03/2026)\r\n", IgnoredAutoReply},
		{"a report of what is absent", "Subject: Absence de sauvegarde : SRV-AD\r\n", ""},
		{"a report of a machine", "Subject: Message automatique : sauvegarde de SRV-AD\r\n", ""},
		{"absence in English", "Subject: Automatic reply: Backup of M: good\r\n", IgnoredAutoReply},
		{"bounce", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n", IgnoredBounce},
		{"receipt", "Content-Type: multipart/report; report-type=\"disposition-notification\"; boundary=b\r\n", IgnoredBounce},
	} {
		m, _ := ReadMail([]byte("From: a@dupont.example\r\n" + c.header + "\r\nBackup of M: good\r\n--b\r\n\r\nx\r\n--b--\r\n"))
		if m.Ignore != c.want {
			t.Errorf("%s: %q, want %q", c.name, m.Ignore, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	const k = 1024
	for s, want := range map[string]int64{
		"0.0 B": 0, "12": 12, "1,234": 1234, "1 234 567 octets": 1234567, "120.5 GB": 120.5 * k * k * k, "1,5 Go": 1.5 * k * k * k, "1.234,5 Mo": 1234.5 * k * k, "1,234.5 KB": 1234.5 * k,
		"2 TiB": 2 * k * k * k * k, "3,0 KB": 3 * k, "1,234,567": 1234567, "1’000 kB": 1000 * k,
	} {
		if got, ok := bytesOf(s); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "GB", "much", "12 pigs", "-3 GB", "99999999999 PB", "1e9", "12 GBit"} {
		if got, ok := bytesOf(s); ok {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestInstants(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	ts := times{layouts: []string{"Monday 2 January 2006 15:04:05", "2 Jan 2006 15:04", "02/01/2006 15:04:05", "15:04"}, zone: paris}
	for _, c := range []struct{ value, day, want string }{
		{"lundi 9 mars 2026 22:00:12", "", "2026-03-09T22:00:12+01:00"},
		{"Samedi 1er août 2026 05:00:00", "", "2026-08-01T05:00:00+02:00"},
		{"vendredi  15 mai 2026 05:00:00", "", "2026-05-15T05:00:00+02:00"},
		{"14 févr. 2026 03:00", "", "2026-02-14T03:00:00+01:00"},
		{"14 déc. 2026 03:00", "", "2026-12-14T03:00:00+01:00"},
		{"09/03/2026 22:00:12", "", "2026-03-09T22:00:12+01:00"},
		{"22:00:12", "09/03/2026", "2026-03-09T22:00:12+01:00"},
		{"22:00", "", "2026-03-09T22:00:00+01:00"},                              // the last one before the mail
		{"00:05:10", "lundi 9 mars 2026 22:00:12", "2026-03-10T00:05:10+01:00"}, // after midnight
		{"22:00:40", "Montag, 9. März 2026 22:00:12", "2026-03-09T22:00:40+01:00"},
		{"22:00:40", "segunda-feira, 9 de março de 2026 22:00:12", "2026-03-09T22:00:40+01:00"},
		{"soon", "09/03/2026", ""}, {"09/03/1601 22:00:12", "", ""}, {"31/02/2026 22:00:12", "", ""},
	} {
		got, ok := ts.instant(c.value, c.day, time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC))
		if ok != (c.want != "") || ok && got.Format(time.RFC3339) != c.want {
			t.Errorf("%q: %s %v, want %q", c.value, got, ok, c.want)
		}
	}
}

// Whatever comes in, reading it ends, and what comes out is fit to be shown.
func FuzzReadMail(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(shipped, "mails", "*.eml"))
	check(f, err)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		check(f, err)
		f.Add(raw)
	}
	f.Add([]byte("Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-16\r\n\r\n<td>x\r\n--b--"))
	rules, err := LoadRules(shippedRules(f))
	check(f, err)
	config := &Config{rules: rules, Customers: map[string]*Customer{"dupont": {From: []string{"@dupont.example"}}}, Limits: Limits{MessageBytes: 1 << 20}}
	at := time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, _ := ReadMail(raw)
		again, _ := ReadMail(bytes.Clone(raw))
		if !itemName.MatchString(m.ID) || m.ID != again.ID {
			t.Fatalf("identity %q and %q", m.ID, again.ID)
		}
		for _, s := range append(append([]string{m.Subject}, m.Texts...), m.From...) {
			if strings.ToValidUTF8(s, "") != s {
				t.Fatalf("not UTF-8: %q", s)
			}
		}
		s := config.sort(envelope{Received: at, Size: int64(len(raw))}, raw)
		ways := 0
		for _, is := range []bool{s.ignore != "", s.problem != "", len(s.reports) > 0} {
			if is {
				ways++
			}
		}
		if ways != 1 {
			t.Fatalf("a mail goes %d ways: %+v", ways, s)
		}
		for customer, reports := range s.reports {
			for i := range reports {
				if err := reports[i].Check(); err != nil || customer != "dupont" {
					t.Fatalf("%s: %v", customer, err)
				}
			}
		}
	})
}

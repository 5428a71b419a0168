package notify

import (
	"bytes"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"vigie/receiver/smtpsink"
)

// hostile are texts somebody could put into a label, a name or a form.
var hostile = []string{
	"plain",
	"",
	"Dupont\r\nBcc: victim@elsewhere.example",
	"Dupont\nX-Injected: yes\n\n<script>",
	"a\x00b\x01c\x7fd\u0085e",
	"SRV\u202eDA-VRS\u2066x\u2069\u200f\ufeff\u00ad",
	"tab\there\u2028line\u2029paragraph\vvertical",
	"\xff\xfe broken utf-8 \xc3",
	"=?utf-8?q?hi=0D=0ABcc:_x@elsewhere.example?=",
	strings.Repeat("é", 10_000),
	strings.Repeat("x", 10_000),
	strings.Repeat("mot ", 3000),
	"e" + strings.Repeat("\u0301", 500),
	"ligne 1\r\n\r\n.\r\nMAIL FROM:<x@elsewhere.example>\r\n",
	`"quoted" <x@elsewhere.example>, other@elsewhere.example`,
	"👩‍👩‍👧 famille",
	`DUPONT\Zoé`,
}

func clean(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s: not UTF-8: %.80q", what, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || r != ' ' && unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%s: %U in %.80q", what, r, s)
			return
		}
	}
	if s != strings.TrimSpace(s) || strings.Contains(s, "  ") || strings.Contains(s, "=?") {
		t.Errorf("%s: untidy: %.80q", what, s)
	}
}

func TestCleanLine(t *testing.T) {
	for in, want := range map[string]string{
		" Dupont\r\nBcc: x ":     "Dupont Bcc: x",
		"SRV\u202eDA":            "SRVDA",
		"a\x00b":                 "a b",
		"\xff":                   "\uFFFD",
		"=?utf-8?q?a?=":          "= ?utf-8?q?a?=",
		"Étude – n° 3":           "Étude – n° 3",
		"deux\u00a0mots":         "deux mots",
		"👩\u200d👧":               "👩\u200d👧",
		"":                       "",
		"\r\n":                   "",
		"=\u200e?utf-8?q?late?=": "= ?utf-8?q?late?=",
	} {
		if got := CleanLine(in); got != want {
			t.Errorf("CleanLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanSubject(t *testing.T) {
	exact := strings.Repeat("é", MaxSubject)
	for name, tt := range map[string]struct{ in, want string }{
		"fits":             {exact, exact},
		"cut":              {exact + "x", strings.Repeat("é", MaxSubject-1) + "…"},
		"cut before space": {strings.Repeat("x", 98) + " suite", strings.Repeat("x", 98) + "…"},
		"mark kept whole":  {strings.Repeat("x", 98) + "e\u0301\u0301 suite", strings.Repeat("x", 98) + "…"},
	} {
		if got := CleanSubject(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]Address{
		"am@msp.example":                               {"", "am@msp.example"},
		"Zoé Müller <am@msp.example>":                  {"Zoé Müller", "am@msp.example"},
		"=?utf-8?q?Zo=C3=A9?= <am@msp.example>":        {"Zoé", "am@msp.example"},
		"=?x-none?q?Zo=C3=A9?= <am@msp.example>":       {"= ?x-none?q?Zo=C3=A9?=", "am@msp.example"},
		"=?utf-8?q?a=0D=0ABcc=3A_x?= <am@msp.example>": {"a Bcc: x", "am@msp.example"},
		`"Dupont, SARL" <it@dupont.example>`:           {"Dupont, SARL", "it@dupont.example"},
		"it@bücher.example":                            {"", "it@xn--bcher-kva.example"},
		"it@BÜCHER.Example":                            {"", "it@xn--bcher-kva.example"},
		"First.Last+tag@msp.example":                   {"First.Last+tag", "x"},
		"N\u202eom <am@msp.example>":                   {"Nom", "am@msp.example"},
		"Nom\r\n Suite <am@msp.example>":               {"Nom Suite", "am@msp.example"},
		"<" + strings.Repeat("l", 64) + "@a.example>":  {"", strings.Repeat("l", 64) + "@a.example"},
	} {
		if want.Addr == "x" {
			want = Address{"", in}
		}
		got, err := ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "am", "@msp.example", "am@", "zoé@msp.example", "a@b.example, c@d.example",
		"am@msp.example\r\nRCPT TO:<x@elsewhere.example>", `"a> SIZE=1"@msp.example`, `"a b"@msp.example`,
		"am@[127.0.0.1]", "am@msp example", "a..b@msp.example", strings.Repeat("l", 65) + "@a.example",
		"am@" + strings.Repeat("d", 64) + ".example", "am@-bad-.example", "am@under_score.example",
	} {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("ParseAddress(%q) = %+v, want an error", in, got)
		}
	}
}

func TestNewMessageID(t *testing.T) {
	id := func(domain string, parts ...string) string {
		t.Helper()
		s, err := NewMessageID(domain, parts...)
		if err != nil {
			t.Fatal(err)
		}
		if !messageID(s) {
			t.Errorf("NewMessageID(%q, %q) = %q: not usable", domain, parts, s)
		}
		return s
	}
	if a, b := id("msp.example", "i1", "1", "b2"), id("msp.example", "i1", "1", "b2"); a != b {
		t.Errorf("%s and %s differ for the same message", a, b)
	}
	if a, b := id("msp.example", "ab", "c"), id("msp.example", "a", "bc"); a == b {
		t.Errorf("different parts share %s", a)
	}
	long := id("vigie.monitoring.a-rather-long-name.of-a-provider.example", "i1")
	if !strings.HasSuffix(long, ".example") || len(long) > MaxMessageID {
		t.Errorf("%s has %d characters", long, len(long))
	}
	if _, err := NewMessageID("not a domain", "i1"); err == nil {
		t.Error("a domain with spaces was accepted")
	}
}

func TestMailHostileTexts(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := plain(t, s)
	for _, text := range hostile {
		msg := message()
		msg.Subject, msg.From.Name, msg.IncidentID, msg.Language = text, text, text, text
		msg.InReplyTo, msg.References, msg.ReplyTo = text, []string{text, "ok@msp.example"}, text
		msg.To, msg.Cc = append(msg.To, text), append(msg.Cc, text+" <ok@msp.example>")
		msg.Headers = map[string]string{HeaderStep: text}
		msg.Text, msg.HTML = "x"+text, "x"+text
		if err := m.Deliver(t.Context(), msg, "am@msp.example"); err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		all := s.Messages()
		checkRaw(t, text, all[len(all)-1])
	}
}

// A bundle's incidents are listed whole, over as many lines as they need; what
// has no room is counted.
func TestMailListsIncidents(t *testing.T) {
	for n, want := range map[int]string{1: "i0", 400: "i399", 5000: "+3482"} {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("i%d", i)
		}
		msg := message()
		msg.IncidentID = strings.Join(ids, " ")
		raw, err := render(msg, Address{Addr: "vigie@msp.example"})
		if err != nil {
			t.Fatal(err)
		}
		m := smtpsink.Parse([]byte(raw))
		checkRaw(t, "bundle", m)
		got := strings.Fields(m.Header("X-Incident-Id"))
		if got[len(got)-1] != want {
			t.Errorf("%d incidents: the list ends with %q, want %q", n, got[len(got)-1], want)
		}
		if listed, ok := strings.CutPrefix(want, "+"); ok {
			got = got[:len(got)-1]
			if left, _ := strconv.Atoi(listed); len(got)+left != n {
				t.Errorf("%d listed and %d counted of %d", len(got), left, n)
			}
		}
		if !slices.Equal(got, ids[:len(got)]) {
			t.Errorf("%d incidents: %v", n, got)
		}
		for line := range strings.Lines(raw) {
			if len(line) > 998 {
				t.Errorf("%d incidents: a line of %d bytes", n, len(line))
			}
		}
	}
}

// checkRaw asserts that a message on the wire has only our headers, once each,
// and that their values are clean.
func checkRaw(t *testing.T, text string, m smtpsink.Message) {
	t.Helper()
	known := []string{"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Mime-Version", "Content-Type",
		"Content-Transfer-Encoding", "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress", "X-Incident-Id", HeaderStep}
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		t.Fatalf("%.40q: %v", text, err)
	}
	for name, values := range parsed.Header {
		if !slices.Contains(known, name) || len(values) != 1 {
			t.Errorf("%.40q: header %s: %q", text, name, values)
		}
	}
	for _, h := range m.Headers {
		if h.Name != "Content-Type" {
			clean(t, h.Name, h.Value)
		}
	}
	if utf8.RuneCountInString(m.Subject) > MaxSubject {
		t.Errorf("%.40q: subject has %d characters", text, utf8.RuneCountInString(m.Subject))
	}
	head, _, _ := bytes.Cut(m.Raw, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") || !ascii(line) {
			t.Errorf("%.40q: line %.120q", text, line)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			t.Errorf("%.40q: a header line holds only white space", text)
		}
	}
	if !bytes.Contains(head, []byte("Message-Id: <"+message().ID+">")) {
		t.Errorf("%.40q: the Message-ID is not on its line", text)
	}
}

func ascii(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}

func TestMailLongestMessageIDIsOnOneLine(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	msg := message()
	msg.ID = strings.Repeat("a", MaxMessageID-len("@msp.example")) + "@msp.example"
	if err := plain(t, s).Deliver(t.Context(), msg, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()[0]
	if !bytes.Contains(got.Raw, []byte("Message-Id: <"+msg.ID+">\r\n")) || got.MessageID != msg.ID {
		t.Errorf("raw = %s", got.Raw)
	}
}

func TestMailRefusesWhatCannotBeSent(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := plain(t, s)
	for name, tt := range map[string]struct {
		change    func(*Message)
		recipient string
		kind      Kind
	}{
		"header outside the list": {func(m *Message) { m.Headers = map[string]string{"Bcc": "x@elsewhere.example"} }, "", KindMessage},
		"header name with a line": {func(m *Message) { m.Headers = map[string]string{"X\r\nX-Injected": "x"} }, "", KindMessage},
		"message-id too long":     {func(m *Message) { m.ID = strings.Repeat("a", 60) + "@msp.example" }, "", KindMessage},
		"message-id with a line":  {func(m *Message) { m.ID = "a@b\r\nBcc: x@c.example" }, "", KindMessage},
		"no message-id":           {func(m *Message) { m.ID = "" }, "", KindMessage},
		"no date": {func(m *Message) {
			m.Date = m.Date.AddDate(-5000, 0, 0)
			*m = Message{ID: m.ID, From: m.From, Text: "x"}
		}, "", KindMessage},
		"no text":                    {func(m *Message) { m.Text = "" }, "", KindMessage},
		"too large":                  {func(m *Message) { m.HTML = strings.Repeat("x", maxBody) }, "", KindMessage},
		"no sender":                  {func(m *Message) { m.From = Address{} }, "", KindConfig},
		"local part not ASCII":       {func(*Message) {}, "zoé@msp.example", KindRecipient},
		"recipient with a command":   {func(*Message) {}, "x@msp.example>\r\nRCPT TO:<y@msp.example", KindRecipient},
		"recipient with a parameter": {func(*Message) {}, `"x> SIZE=1 <"@msp.example`, KindRecipient},
	} {
		msg := message()
		tt.change(&msg)
		if tt.recipient == "" {
			tt.recipient = "am@msp.example"
		}
		err := m.Deliver(t.Context(), msg, tt.recipient)
		if err == nil || KindOf(err) != tt.kind || !IsPermanent(err) {
			t.Errorf("%s: error = %v, want a permanent one of kind %s", name, err, tt.kind)
		}
	}
	if n := len(s.Commands()); n != 0 {
		t.Errorf("%d commands were sent for messages that cannot be", n)
	}
}

func TestMailPunycodeInEnvelopeAndHeaders(t *testing.T) {
	s := sink(t, smtpsink.Options{SMTPUTF8: true})
	msg := message()
	msg.To = []string{"Büro <it@bücher.example>"}
	if err := plain(t, s).Deliver(t.Context(), msg, "it@bücher.example"); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()[0]
	const want = "it@xn--bcher-kva.example"
	if got.Recipients[0] != want || got.To[0] != (smtpsink.Address{Name: "Büro", Address: want}) {
		t.Errorf("envelope %v, To %v", got.Recipients, got.To)
	}
}

// The people of the shipped examples, and names that need quotes or other
// alphabets, arrive as the inventory has them: in every header that holds an
// address, made as the outbox makes it, and in what a gateway is told.
func TestNamesBeyondASCII(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := plain(t, s)
	for _, name := range []string{
		"Béatrice Oster", "Léa Dupont", "Inès Faure", "Ousmane Traoré", "Oster, Béatrice", `Zoë "Z" (paie)`, "Jürgen Weiß", "Δημήτρης", "山田 太郎",
		"Sophie Aubert", "Aubert, Sophie", "a@b.example", strings.Repeat("é", 90),
	} {
		msg := message()
		written := Address{Name: name, Addr: "am@msp.example"}.String()
		msg.To, msg.Cc, msg.ReplyTo = []string{written}, []string{written, "Zoé <" + "it@dupont.example>"}, written
		msg.From.Name = name
		if err := m.Deliver(t.Context(), msg, "am@msp.example"); err != nil {
			t.Fatal(err)
		}
		all := s.Messages()
		got, err := mail.ReadMessage(bytes.NewReader(all[len(all)-1].Raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"From", "To", "Cc", "Reply-To"} {
			list, err := got.Header.AddressList(field)
			if err != nil || list[0].Name != name || list[0].Address != map[bool]string{true: "vigie@msp.example", false: "am@msp.example"}[field == "From"] {
				t.Errorf("%s of %q: %v, error %v (raw %s)", field, name, list, err, got.Header.Get(field))
			}
		}
		if to := webhookMessage(msg, "x").To[0]; strings.Contains(to, "=?") || !strings.Contains(to, strings.ReplaceAll(name, `"`, "'")) {
			t.Errorf("a gateway reads %q", to)
		}
	}
}

func TestMailSamePersonInToAndCc(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	msg := message()
	msg.Cc = append(msg.Cc, "am@msp.example")
	if err := plain(t, s).Deliver(t.Context(), msg, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages()[0]; len(got.Cc) != 3 || len(got.Recipients) != 1 {
		t.Errorf("Cc %v, envelope %v", got.Cc, got.Recipients)
	}
}

func TestMailEnvelopeFrom(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := newMail(t, MailConfig{Relay: relayTo(t, s, TLSNone), EnvelopeFrom: "bounces@msp.example"})
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages()[0]; got.From != "bounces@msp.example" || got.Sender.Address != "vigie@msp.example" {
		t.Errorf("envelope from %q, From %v", got.From, got.Sender)
	}
}

func TestNewMailRefuses(t *testing.T) {
	good := MailConfig{Hello: "vigie.msp.example", Relay: MailRelay{Host: "relay.msp.example"}}
	if _, err := NewMail(good); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*MailConfig){
		"hello":         func(c *MailConfig) { c.Hello = "localhost" },
		"clear text":    func(c *MailConfig) { c.Relay.TLS = TLSNone },
		"starttls,":     func(c *MailConfig) { c.Relay.TLS = "opportunistic" },
		"host":          func(c *MailConfig) { c.Relay.Host = "" },
		"port":          func(c *MailConfig) { c.Relay.Port = 70000 },
		"no password":   func(c *MailConfig) { c.Relay.Username = "vigie" },
		"no user name":  func(c *MailConfig) { c.Relay.PasswordFile = "/x" },
		"control":       func(c *MailConfig) { c.Relay.Username, c.Relay.PasswordFile = "a\r\nb", "/x" },
		"envelope_from": func(c *MailConfig) { c.EnvelopeFrom = "zoé@msp.example" },
		"fallback":      func(c *MailConfig) { c.Fallback = MailRelay{Host: "other.example", TLS: TLSNone} },
		"negative":      func(c *MailConfig) { c.Timeouts.Data = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewMail(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want one about %q", err, want)
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := NewMail(MailConfig{Hello: "vigie.msp.example", Relay: MailRelay{Host: host, TLS: TLSNone}}); err != nil {
			t.Errorf("%s in plain text: %v", host, err)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, s, "am@msp.example")
	}
	for _, s := range []string{"Zoé <it@bücher.example>", `"a b"@x.example`, "a@[::1]", "a@b>\r\nDATA", "=?utf-8?q?=0A?= <a@b.example>"} {
		f.Add("subject", "name", s)
	}
	f.Fuzz(func(t *testing.T, subject, name, addr string) {
		clean(t, "line", CleanLine(subject))
		if again := CleanLine(CleanLine(subject)); again != CleanLine(subject) {
			t.Errorf("CleanLine is not stable: %q then %q", CleanLine(subject), again)
		}
		clean(t, "subject", CleanSubject(subject))
		if n := utf8.RuneCountInString(CleanSubject(subject)); n > MaxSubject {
			t.Errorf("subject has %d characters", n)
		}
		if a, err := ParseAddress(addr); err == nil {
			if strings.ContainsAny(a.Addr, " <>\"\r\n\x00\t,;:\\") || !ascii([]byte(a.Addr)) || strings.Count(a.Addr, "@") != 1 {
				t.Errorf("ParseAddress(%q) = %q", addr, a.Addr)
			}
			if back, err := ParseAddress(a.Addr); err != nil || back.Addr != a.Addr {
				t.Errorf("%q does not survive: %q, %v", a.Addr, back.Addr, err)
			}
		}
		msg := message()
		msg.Subject, msg.IncidentID, msg.Headers = subject, name, map[string]string{HeaderStep: name}
		msg.To, msg.Cc, msg.ReplyTo = []string{addr, name + " <am@msp.example>"}, []string{name}, name
		raw, err := render(msg, Address{Name: cleanName(name), Addr: "vigie@msp.example"})
		if err != nil {
			t.Fatalf("render: %v", err)
		}
		checkRaw(t, subject, smtpsink.Parse([]byte(raw)))
	})
}

package smtpsink

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
)

// send transmits raw with the standard library, an independent client.
func send(t *testing.T, s *Server, raw string, to ...string) error {
	t.Helper()
	return smtp.SendMail(s.Addr(), nil, "vigie@msp.example", to, []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
}

const mixed = `From: Vigie <vigie@msp.example>
To: =?utf-8?q?Zo=C3=A9?= <am@msp.example>
Cc: expert@msp.example
Subject: =?utf-8?q?Sauvegarde_non_r=C3=A9tablie_<script>alert(1)</script>?=
Message-Id: <%s@msp.example>
Date: Mon, 09 Mar 2026 12:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=frontier

--frontier
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

non r=E9tablie <script>alert(2)</script>
--frontier
Content-Type: text/html; charset=utf-8

<html><head><title>x</title></head><body><script>alert(3)</script><a href="http://127.0.0.1/a/token">Prendre</a></body></html>
--frontier--
`

func get(t *testing.T, h http.Handler, path, language string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func contains(t *testing.T, page, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("%s: no %q in\n%s", page, w, body)
		}
	}
}

func TestWeb(t *testing.T) {
	s := start(t, Options{})
	h := Web(s)
	_, body := get(t, h, "/", "fr-FR,fr;q=0.9")
	contains(t, "empty list", body, "Aucun courriel")

	for _, step := range []struct{ id, to string }{{"one", "am@msp.example"}, {"two", "am@msp.example"}, {"one", "expert@msp.example"}, {"two", "am@msp.example"}} {
		if err := send(t, s, fmt.Sprintf(mixed, step.id), step.to); err != nil {
			t.Fatal(err)
		}
	}

	resp, body := get(t, h, "/", "en")
	contains(t, "list", body, "2 mails · 4 transmissions", "Zoé &lt;am@msp.example&gt;", "expert@msp.example", "received twice", `href="/messages/4"`, `href="/messages/3"`)
	if strings.Contains(body, "<script>") || strings.Index(body, `"/messages/4"`) > strings.Index(body, `"/messages/3"`) {
		t.Errorf("list: unescaped or not newest first:\n%s", body)
	}
	if p := resp.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy = %q", p)
	}
	for _, g := range groups(s.Messages()) {
		if want := g.Latest.MessageID == "two@msp.example"; g.Repeated != want || len(g.Transmissions) != 2 {
			t.Errorf("group %s: repeated %t, %d transmissions", g.Latest.MessageID, g.Repeated, len(g.Transmissions))
		}
	}

	_, body = get(t, h, "/messages/3", "fr")
	contains(t, "message", body, "non rétablie &lt;script&gt;alert(2)", `sandbox="allow-popups allow-popups-to-escape-sandbox" src="/messages/3/html"`, "Message-Id", "Daté du", "one@msp.example", `href="/messages/1"`)

	resp, body = get(t, h, "/messages/3/html", "fr")
	contains(t, "html", body, `<head><base target="_blank">`, "Prendre")
	contains(t, "html policy", resp.Header.Get("Content-Security-Policy"), "default-src 'none'", "sandbox allow-popups")
	if p := resp.Header.Get("Content-Security-Policy"); strings.Contains(p, "allow-scripts") || strings.Contains(p, "allow-same-origin") {
		t.Errorf("a mail may run scripts: %q", p)
	}

	resp, body = get(t, h, "/messages/3/raw", "fr")
	contains(t, "raw", body, "r=E9tablie", "--frontier--")
	contains(t, "raw", resp.Header.Get("Content-Disposition"), "attachment", "message-3.eml")

	resp, body = get(t, h, "/style.css", "fr")
	contains(t, "style", body, ".mail")
	contains(t, "style", resp.Header.Get("Content-Type"), "text/css")

	for _, path := range []string{"/messages/99", "/messages/x", "/api/messages/99", "/elsewhere", "/web/list.html"} {
		if resp, _ := get(t, h, path, "fr"); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestWebAPI(t *testing.T) {
	s := start(t, Options{})
	h := Web(s)
	_, body := get(t, h, "/api/messages", "")
	contains(t, "empty", body, `"messages": []`)
	for _, to := range []string{"am@msp.example", "expert@msp.example"} {
		if err := send(t, s, fmt.Sprintf(mixed, "one"), to); err != nil {
			t.Fatal(err)
		}
	}
	var list struct{ Messages []Message }
	_, body = get(t, h, "/api/messages?after=1", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Messages) != 1 || list.Messages[0].ID != 2 || list.Messages[0].Recipients[0] != "expert@msp.example" || list.Messages[0].Text == "" || list.Messages[0].HTML != "" {
		t.Errorf("list = %+v", list)
	}
	var m Message
	_, body = get(t, h, "/api/messages/2", "")
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	if m.To[0] != (Address{"Zoé", "am@msp.example"}) || m.MessageID != "one@msp.example" || m.HTML == "" || m.Header("subject") != m.Subject {
		t.Errorf("message = %+v", m)
	}
	if resp, _ := get(t, h, "/api/messages?after=x", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("after=x: %s", resp.Status)
	}
}

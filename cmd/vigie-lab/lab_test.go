package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

func TestTake(t *testing.T) {
	busy, err := Reserve(0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Free()
	if _, err := Reserve(busy.Number, false); err == nil || !strings.Contains(err.Error(), fmt.Sprint(busy.Number)) {
		t.Errorf("a port that was asked for and is in use: %v", err)
	}
	other, err := Reserve(busy.Number, true)
	if err != nil {
		t.Fatal(err)
	}
	if other.Number == busy.Number || !strings.HasPrefix(other.Addr(), "127.0.0.1:") {
		t.Errorf("got %s", other.Addr())
	}
	other.Free()
	again, err := Reserve(other.Number, false)
	if err != nil {
		t.Fatalf("the port is still held: %v", err)
	}
	again.Free()
}

func TestPortsAreAllDifferent(t *testing.T) {
	f, _ := files(t, "lab")
	seen := map[int]bool{}
	p := f.Ports
	for _, port := range []*Port{p.Page, p.Inbox, p.Vigie, p.Prometheus, p.Alertmanager, p.Exporter, p.SMTP, p.Sources["acronis"], p.Sources["veeam-dupont"]} {
		if seen[port.Number] {
			t.Errorf("port %d is given twice", port.Number)
		}
		seen[port.Number] = true
	}
}

func TestProgramsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", "")
	p := Programs{Vigie: "/nonexistent/vigie"}
	err := p.Find(t.TempDir())
	if err == nil {
		t.Fatal("found")
	}
	for _, want := range []string{"prometheus: not found", "PROMETHEUS=PATH", "make tools", "ALERTMANAGER=PATH", `"/nonexistent/vigie"`, "make build", "backup_exporter"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told:\n%v", want, err)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", 0, "vigie-lab --check"},
		{"--policy=mine", 2, "one of lab,example"},
		{"--colour", 2, "colour"},
		{"--root=/nonexistent", 1, "alerting-rules"},
	} {
		var out, problem bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &problem); code != c.code || !strings.Contains(out.String()+problem.String(), c.says) {
			t.Errorf("%s: exit %d, out %q, err %q", c.args, code, out.String(), problem.String())
		}
	}
}

// idle writes programs that do nothing until they are asked to end.
func idle(t *testing.T, text string) Programs {
	t.Helper()
	name := filepath.Join(t.TempDir(), "idle")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Programs{Prometheus: name, Alertmanager: name, Vigie: name, BackupExporter: name}
}

func TestALabLeavesNothing(t *testing.T) {
	data := t.TempDir()
	s := Settings{Root: root(t), Data: data, Policy: "lab", Programs: idle(t, `echo $$ > pid; exec sleep 600`)}
	l, err := StartLab(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartLab(t.Context(), s); err == nil || !strings.Contains(err.Error(), "another lab runs") {
		t.Errorf("a second lab on the same folder: %v", err)
	}
	var pids []int
	for _, name := range []string{"backup_exporter", "vigie", "alertmanager", "prometheus"} {
		pids = append(pids, pidIn(t, filepath.Join(data, name, "pid")))
	}
	l.Stop(t.Context())
	for _, pid := range pids {
		gone(t, pid)
	}
	for _, p := range []*Port{l.Files.Ports.Page, l.Files.Ports.SMTP, l.Files.Ports.Sources["acronis"], l.Files.Ports.Prometheus} {
		if c, err := net.Dial("tcp", p.Addr()); err == nil {
			_ = c.Close()
			t.Errorf("somebody still listens on %s", p.Addr())
		}
	}
	again, err := StartLab(t.Context(), s)
	if err != nil {
		t.Fatalf("the folder cannot be used again: %v", err)
	}
	again.Stop(t.Context())
}

func TestAProgramThatDiesEndsTheLab(t *testing.T) {
	s := Settings{Root: root(t), Data: t.TempDir(), Policy: "lab", Programs: idle(t, `echo "cannot bear this" >&2; exit 7`)}
	var out bytes.Buffer
	err := demo(t.Context(), s, &out)
	if err == nil || !strings.Contains(err.Error(), "cannot bear this") || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("got %v", err)
	}
}

func TestAnInterruptWhileStarting(t *testing.T) {
	s := Settings{Root: root(t), Data: t.TempDir(), Policy: "lab", Programs: idle(t, `exec sleep 600`)}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	if err := demo(ctx, s, &out); err != nil || !strings.Contains(out.String(), "All has ended") {
		t.Errorf("got %v, said %q", err, out.String())
	}
}

// pageOf is the page of a lab whose programs do not run.
func pageOf(t *testing.T) (*Lab, http.Handler) {
	t.Helper()
	f, l := files(t, "lab")
	var err error
	if l.ask, err = newAsker(f); err != nil {
		t.Fatal(err)
	}
	if l.Inbox, err = smtpsink.Start(t.Context(), smtpsink.Options{}); err != nil {
		t.Fatal(err)
	}
	l.releasePorts()
	h, err := newPage(l)
	if err != nil {
		t.Fatal(err)
	}
	return l, h
}

func TestPage(t *testing.T) {
	l, h := pageOf(t)
	ask := func(method, path, host string, form url.Values, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const here = "127.0.0.1:8800"
	fail := url.Values{"machine": {server}, "do": {"fail-primary"}, "text": {`<script>alert("x")</script>`}}

	if w := ask("POST", "/machine", here, fail, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("a foreign page may press buttons: %d", w.Code)
	}
	if w := ask("POST", "/machine", "rebound.example", fail); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name is answered: %d", w.Code)
	}
	if w := ask("GET", "/machine?"+fail.Encode(), here, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a GET: %d", w.Code)
	}
	if c := primary(l, server).Condition; c != Good {
		t.Fatalf("something has happened: %s", c)
	}
	if w := ask("POST", "/machine", here, url.Values{"machine": {"nobody/X"}, "do": {"fail-primary"}}); w.Code != http.StatusConflict {
		t.Errorf("an unknown machine: %d", w.Code)
	}
	if w := ask("POST", "/machine", here, fail, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusSeeOther {
		t.Errorf("the button: %d %s", w.Code, w.Body)
	}
	if w := ask("POST", "/source", here, url.Values{"source": {"veeam-dupont"}, "do": {"stop"}}); w.Code != http.StatusSeeOther {
		t.Errorf("stopping a source: %d %s", w.Code, w.Body)
	}
	w := ask("GET", "/", here, nil)
	body := w.Body.String()
	for _, want := range []string{"Prometheus does not answer", "Vigie does not answer", "SRV-AD", "PC-LEA", "&lt;script&gt;", "does not answer\n", "lab policy"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	if strings.Contains(body, "<script>alert") {
		t.Error("a text becomes part of the page")
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
	for _, asset := range []string{"/page/style.css", "/page/refresh.js"} {
		if w := ask("GET", asset, here, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", asset, w.Code)
		}
	}
}

func primary(l *Lab, key string) *Backup {
	for _, m := range l.Fleet.Machines() {
		if m.Key() == key {
			return m.Primary
		}
	}
	return nil
}

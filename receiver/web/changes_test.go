package web_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/rules/model"
)

// follow opens the stream of changes and returns what is told of it, and how it
// was answered.
func (b *browser) follow() (told <-chan string, resp *http.Response) {
	b.d.t.Helper()
	resp, err := b.Get(b.d.server.URL + "/changes")
	if err != nil {
		b.d.t.Fatal(err)
	}
	b.d.t.Cleanup(func() { resp.Body.Close() })
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		scan := bufio.NewScanner(resp.Body)
		for scan.Scan() {
			if strings.HasPrefix(scan.Text(), "event:") || strings.HasPrefix(scan.Text(), "data:") {
				lines <- scan.Text()
			}
		}
	}()
	return lines, resp
}

// covers: T16; a customer's own people hear of changes to what is theirs, not even
// that something happens elsewhere; a stream ends with the session, and nobody takes
// all of them.
func TestChangesAreOnesOwn(t *testing.T) {
	d := newDesk(t, "synomega", "")
	nobody, resp := d.browser("").follow()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a login: %d", resp.StatusCode)
	}
	if _, open := <-nobody; open {
		t.Error("without a login something is told")
	}
	martin, sup := d.browser("it.martin"), d.browser("sup")
	theirs, _ := martin.follow()
	ours, _ := sup.follow()
	d.fires(nil, nil) // Dupont's
	select {
	case line := <-ours:
		if line != "event: changed" {
			t.Errorf("told %q", line)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the supervisor is told of nothing")
	}
	if line := <-ours; line != "data: ." {
		t.Errorf("the stream tells %q of an incident", line)
	}
	time.Sleep(1200 * time.Millisecond)
	select {
	case line := <-theirs:
		t.Errorf("Martin's people are told %q of what happens at Dupont", line)
	default:
	}
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC"}, nil)
	select {
	case <-theirs:
	case <-time.After(20 * time.Second):
		t.Fatal("Martin's people are not told of what is theirs")
	}
	// The session ends: so does what it opened.
	martin.post("/logout", url.Values{})
	d.fires(model.Labels{"customer": "martin", "machine": "SRV-FIC", "plan": "weekly"}, nil)
	ended := time.After(20 * time.Second)
	for open := true; open; {
		select {
		case _, open = <-theirs:
		case <-ended:
			t.Fatal("the stream goes on after the session")
		}
	}
	refused := 0
	for range 40 {
		if _, resp := sup.follow(); resp.StatusCode == http.StatusServiceUnavailable {
			refused++
		}
	}
	if refused == 0 || refused == 40 {
		t.Errorf("%d of 40 streams of one person are refused", refused)
	}
	if _, resp := d.browser("adm1").follow(); resp.StatusCode != http.StatusOK {
		t.Errorf("another person: %d", resp.StatusCode)
	}
}

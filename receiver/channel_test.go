package receiver_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/store"
)

// withSMS gives the rig a second channel as vigie.yml, the policy and the
// inventory name it: the supervisor has a telephone beside his mailbox, whoever is
// on duty at night has nothing else.
func withSMS(t *testing.T, g *gateway) func(*rig) {
	return func(r *rig) {
		r.edits = []string{
			"  supervisor: {people: [sup]}", "  supervisor: {people: [sup]}\n  night: {people: [night]}",
			"      - name: opened\n        template: B1\n        when: {at: opening}\n        unless: [ended, outage]\n        to: [supervisor]",
			"      - name: opened\n        template: B1\n        when: {at: opening}\n        unless: [ended, outage]\n        channel: sms\n        to: [supervisor, night]\n        cc: [queue]",
		}
		dir := filepath.Dir(r.config())
		edit(t, filepath.Join(dir, "vigie.yml"), "mail:\n", fmt.Sprintf("channels:\n  sms:\n    webhook: {url_file: %s}\nmail:\n", g.file(t)))
		edit(t, filepath.Join(dir, "inventory", "inventory.yml"),
			"email: sup@msp.example, language: en}", "email: sup@msp.example, language: en, channels: {sms: '+33611111111'}}\n  night: {name: Nour Haddad, language: en, channels: {sms: '+33622222222'}}")
	}
}

// edit replaces a text of a file that holds it once.
func edit(t *testing.T, name, old, new string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("%s holds %q %d times", name, old, n)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// recipients are whom the gateway was asked to tell, in order.
func (g *gateway) recipients() (out []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range g.got {
		out = append(out, strings.Fields(line)[2])
	}
	return out
}

func (g *gateway) answer(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status = status
}

// transmissions are those of a step's messages, as the store keeps them.
func (r *rig) transmissions(step string) (out []string) {
	r.t.Helper()
	ids := map[string]bool{}
	for _, m := range r.mails(step) {
		ids[m.MessageID] = true
	}
	err := r.db.View(r.t.Context(), func(tx *store.Tx) error {
		for id := range ids {
			ts, err := tx.Transmissions(strings.Trim(id, "<>"))
			if err != nil {
				return err
			}
			for _, t := range ts {
				out = append(out, t.Channel+" "+t.Address+" "+t.Status)
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// A step by another channel reaches by it whoever has it, and by mail whoever has
// not; who has no mailbox is told by what he has, whatever the step says.
func TestASecondChannel(t *testing.T) {
	g := newGateway(t)
	r := newRig(t, 0, withSMS(t, g))
	a := backup("dupont", "SRV-AD", "primary")
	r.fires(dog, a)
	r.pass(2 * time.Minute)
	if got, want := g.recipients(), []string{"+33611111111", "+33622222222"}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("the gateway told %q, want %q", got, want)
	}
	var mails []string
	for _, m := range r.mails("opened") {
		mails = append(mails, m.Recipients...)
		if to := m.Header("To"); strings.Contains(to, "sms") || strings.Contains(to, "+336") {
			t.Errorf("a telephone stands in a mail's header: %s", to)
		}
	}
	if !slices.Equal(mails, []string{"expert@msp.example"}) {
		t.Errorf("mails to %q", mails)
	}
	if got, want := r.transmissions("opened"), []string{" expert@msp.example accepted", "sms sms:+33611111111 accepted", "sms sms:+33622222222 accepted"}; !slices.Equal(got, want) {
		t.Errorf("kept are %q, want %q", got, want)
	}
	_, journal := r.request(http.MethodGet, "/api/v1/incidents/1/journal", adm1Token, nil)
	if n := strings.Count(journal, "accepted by the channel sms"); n != 2 {
		t.Errorf("the journal tells of %d messages by the channel:\n%s", n, journal)
	}

	// The end is told by mail, as its step names no channel.
	r.prom.job(a, 1, r.now(), r.now(), r.now())
	r.clears(a)
	r.pass(3 * time.Minute)
	if got := g.recipients()[2:]; !slices.Equal(got, []string{"+33622222222"}) {
		t.Errorf("the end is told by the gateway to %q, want only who has nothing else", got)
	}
	if n := len(r.mails("repaired")); n != 1 {
		t.Errorf("%d mails of the end, want the supervisor's", n)
	}
}

// While a channel is out its messages wait and mail goes on; somebody is called
// who hears which channel it is.
func TestASecondChannelIsOut(t *testing.T) {
	g, alarm := newGateway(t), newGateway(t)
	g.answer(http.StatusServiceUnavailable)
	r := newRig(t, 0, withSMS(t, g), withAlarm(t, alarm))
	r.fires(dog, backup("dupont", "SRV-AD", "primary"))
	r.stride(10*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	r.stride(10*time.Minute, 10*time.Second)
	if n := len(r.mails("account_manager")); n != 3 {
		t.Errorf("%d mails while the other channel is out, want 3", n)
	}
	if n := r.metric("vigie_notification_outbox_pending"); n != 2 {
		t.Errorf("%v pending, want both that wait for the channel", n)
	}
	if alarm.count() != 1 || !strings.Contains(alarm.got[0], "under channels") || !strings.Contains(alarm.got[0], "sms via 127.0.0.1") || !strings.Contains(alarm.got[0], "503") {
		t.Errorf("called %d times: %q", alarm.count(), alarm.got)
	}
	before := g.count()
	g.answer(http.StatusOK)
	r.restart() // the wait survives it, and what waits is tried at once
	r.stride(time.Minute, 10*time.Second)
	if n := g.count() - before; n != 2 {
		t.Errorf("%d messages once the channel is back, want 2", n)
	}
	r.stride(20*time.Minute, 10*time.Second)
	if n := r.metric("vigie_notification_outbox_pending"); n != 0 || g.count()-before != 2 {
		t.Errorf("%v pending, %d messages in the end", n, g.count()-before)
	}
}

// A channel that is taken out of vigie.yml while messages wait for it keeps them.
func TestAChannelThatIsGone(t *testing.T) {
	g := newGateway(t)
	r := newRig(t, 0, withSMS(t, g))
	sms := r.reloadable.Channels
	without := r.reloadable
	without.Channels = nil
	if err := r.engine.Reload(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	r.fires(dog, backup("dupont", "SRV-AD", "primary"))
	r.stride(5*time.Minute, 10*time.Second)
	if n := r.metric("vigie_notification_outbox_pending"); n != 2 || g.count() != 0 {
		t.Errorf("%v pending, %d sent", n, g.count())
	}
	without.Channels = sms
	if err := r.engine.Reload(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	r.stride(time.Minute, 10*time.Second)
	if n := g.count(); n != 2 {
		t.Errorf("%d sent once the channel is back", n)
	}
}

// A gateway that takes requests and never answers takes only some of the senders.
func TestAChannelThatHangs(t *testing.T) {
	release := make(chan struct{})
	g := newGateway(t)
	r := newRig(t, 0, withSMS(t, g), func(r *rig) {
		r.tune = func(p *receiver.Reloadable) { p.Channels["sms"] = slowTo{p.Channels["sms"], "", release} }
	})
	for n := range 12 {
		a := backup(fmt.Sprintf("customer-%02d", n), "SRV-AD", "primary")
		a["engine"] = fmt.Sprintf("engine-%02d", n)
		r.fires(dog, a)
	}
	for _, step := range []func(context.Context) error{r.engine.Tick, r.engine.AskDue, r.engine.Tick} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.set(r.now().Add(61 * time.Second))
	done := make(chan error, 1)
	go func() { done <- r.engine.Deliver(context.WithoutCancel(t.Context())) }()
	for begun := time.Now(); len(r.mails("opened")) < 12; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("%d of 12 mails: they wait behind the gateway", len(r.mails("opened")))
		}
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := g.count(); n != 24 {
		t.Errorf("%d messages by the gateway, want 24", n)
	}
}

// What vigie.yml, inventory and policy say of channels is checked with file, line
// and cure.
func TestChannelsAreChecked(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"kind":        {"vigie.yml", "mail:\n", "channels:\n  sms:\n    pager: {}\nmail:\n", "vigie.yml:10: channels.sms: write what kind of channel it is, one of "},
		"key":         {"vigie.yml", "mail:\n", "channels:\n  sms:\n    webhook: {url_file: x, timout: 3s}\nmail:\n", `vigie.yml:10: channels.sms.webhook: unknown key "timout": did you mean "timeout"?`},
		"no url":      {"vigie.yml", "mail:\n", "channels:\n  sms:\n    webhook: {}\nmail:\n", "vigie.yml:10: channels.sms: channel sms: url file: none is set"},
		"mail":        {"vigie.yml", "mail:\n", "channels:\n  mail:\n    webhook: {url_file: x}\nmail:\n", `vigie.yml:10: channels.mail: "mail" cannot be a channel's name`},
		"name":        {"vigie.yml", "mail:\n", "channels:\n  my sms:\n    webhook: {url_file: x}\nmail:\n", `vigie.yml:10: channels.my sms: "my sms" cannot be a channel's name`},
		"of a person": {"inventory/inventory.yml", "email: sup@msp.example,", "email: sup@msp.example, channels: {sms: '1'},", `inventory.yml:2: people.sup.channels.sms: "sms" is not known as a channel: there is none yet: name it under`},
		"of a step":   {"policy/policy.yml", "        template: B1\n        when: {act: escalate}", "        template: B1\n        channel: sms\n        when: {act: escalate}", `channel: there is no channel "sms": name it under channels in vigie.yml; known are mail`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "config")
			if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(dir, c.file), c.old, c.new)
			s, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
			if err == nil {
				_, err = s.Reloadable()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

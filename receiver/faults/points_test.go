package faults

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// K1: the program is killed at named points. Before and after each commit of a
// delivery's way through it, counted from its start, and around the mail: after
// the claim and before the last dot, after the dot and before the answer, after
// the answer and before that is kept.
func TestFaultKilledAtNamedPoints(t *testing.T) {
	t.Parallel()
	p := newProgramOnFaultyDisk(t)
	p.edit("policy/policy.yml", "hold: 1s", "hold: 0s")
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	acked := map[string]bool{}
	n := 0
	post := func() {
		n++
		machine := fmt.Sprintf("M-%d", n)
		if p.post(hc, machine) == nil {
			acked[machine] = true
		}
	}
	reached := 0
	commits := long(4, 12)
	step := long(2, 1)
	for _, when := range []string{"before", "after"} {
		for sync := 1; sync <= commits; sync += step {
			p.order("kill-%s-sync %d", when, sync)
			if p.tryStart() == nil {
				post()
				select {
				case <-p.said.done:
				case <-time.After(2500 * time.Millisecond):
					p.end(syscall.SIGKILL) // it does not commit as often as that
					continue
				}
			}
			reached++
		}
	}
	if reached < commits/step {
		t.Errorf("only %d lives ended at their commit", reached)
	}
	_ = p.proc.Wait()

	mails := func() int { return len(p.sink.Messages()) }
	quiet := func() { // nothing is left of the life before
		p.start()
		p.until("the mails of the life before leave", time.Minute, func() bool {
			told, _ := p.told()
			return told >= len(p.machines()) && p.metric("vigie_notification_outbox_pending") == "0"
		})
	}
	quiet()
	p.end(syscall.SIGKILL)
	_, before := p.told()
	rounds := long(1, 15)
	for range rounds {
		// After the claim: the relay has the beginning of a mail.
		quiet()
		p.faults(smtpsink.Faults{Hang: smtpsink.BeforeDot})
		post()
		p.until("a mail begins", 20*time.Second, func() bool { return p.asked("DATA") })
		p.end(syscall.SIGKILL)
		p.faults(smtpsink.Faults{})

		// After the dot: the relay has it all and does not answer.
		quiet()
		p.faults(smtpsink.Faults{Hang: smtpsink.AfterDot})
		had := mails()
		post()
		p.until("the mail arrives", 20*time.Second, func() bool { return mails() > had })
		p.end(syscall.SIGKILL)
		p.faults(smtpsink.Faults{})

		// After the answer: the disk takes its time to keep it.
		quiet()
		p.ordered("slow-sync 300ms")
		had = mails()
		post()
		p.until("the mail arrives", 20*time.Second, func() bool { return mails() > had })
		p.end(syscall.SIGKILL)
	}
	p.start()
	kept, doubles := p.reckon(acked, before+4*rounds)
	if doubles-before < rounds {
		t.Errorf("%d doubles in %d lives that ended between a mail and its record: the points were missed", doubles-before, 2*rounds)
	}
	t.Logf("figure: kill -9 at named points: %d lives ended at a commit of theirs, before or after it, and %d each before the dot, after it, and after the answer; %d accepted, 0 lost, %d incidents each told by one message, %d doubles with the same Message-ID",
		reached, rounds, len(acked), kept, doubles)
	p.end(syscall.SIGTERM)
}

func (p *program) faults(f smtpsink.Faults) {
	p.t.Helper()
	if err := p.sink.SetFaults(f); err != nil {
		p.t.Fatal(err)
	}
	p.asking = len(p.sink.Commands())
}

// asked reports whether a client has said that since the faults were set.
func (p *program) asked(verb string) bool {
	for _, c := range p.sink.Commands()[p.asking:] {
		if strings.HasPrefix(c.Line, verb) {
			return true
		}
	}
	return false
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/receiver/smtpsink"
)

// takeOverWithin is what Vigie promises.
const takeOverWithin = 15 * time.Second

// stranded is a machine whose backup fails while no receiver turns the loops.
const stranded = "dupont/NAS-01"

// takeOver kills the receiver that turns the loops, lets a backup fail meanwhile, and
// expects that another goes on in time and tells of it once. One alone has nobody to
// take over from it.
func (c *checker) takeOver(ctx context.Context) error {
	if len(c.Files.Receivers) < 2 {
		return nil
	}
	killed := c.receivers.leader()
	if err := c.receivers.Do(killed, "kill"); err != nil {
		return err
	}
	at := time.Now()
	if err := c.Fleet.Machine(stranded, FailPrimary, "The lab has no receiver at the moment (0xC0FFEE44)."); err != nil {
		return err
	}
	err := c.until(ctx, watchEach, c.led)
	if err != nil {
		return err
	}
	took := time.Since(at)
	if took > takeOverWithin {
		return fmt.Errorf("%s went on only %.1f s after %s was killed", c.receivers.leader(), took.Seconds(), killed)
	}
	c.ok("%s was killed, and %s turns the loops %.1f s after", killed, c.receivers.leader(), took.Seconds())
	about := func(m smtpsink.Message) bool {
		return slices.Contains(m.Recipients, "sup@msp.example") && strings.Contains(m.Subject, "NAS-01")
	}
	m, err := c.mail(ctx, "the mail about NAS-01, whose backup failed meanwhile", about)
	if err != nil {
		return err
	}
	if err := c.receivers.Do(killed, "start"); err != nil {
		return err
	}
	for _, r := range c.Files.Receivers {
		ready := func(ctx context.Context) error { return c.ask.get(ctx, r.Port.URL("http"), "/-/ready", nil, "", nil) }
		if err := c.until(ctx, watchEach, ready); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	told := map[string]bool{}
	for _, other := range c.Inbox.Messages() {
		if about(other) {
			told[other.MessageID] = true
		}
	}
	if len(told) != 1 {
		return fmt.Errorf("the supervisor was told by %d messages of NAS-01: %q", len(told), m.Subject)
	}
	c.ok("what failed meanwhile was told once: %q; %s runs again", m.Subject, killed)
	return nil
}

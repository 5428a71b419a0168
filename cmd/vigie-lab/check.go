package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"vigie/exporters"
	"vigie/receiver"
	"vigie/receiver/notify"
	"vigie/receiver/smtpsink"
	"vigie/rules/explain"
	"vigie/rules/model"
)

// The check's cast. The texts are such that they can come from nowhere else.
const (
	server      = "dupont/SRV-AD"
	workstation = "martin/PC-PAUL"
	serverError = "Snapshot 7F3A of volume D: was refused by the lab (0xC0FFEE42)."
	pcError     = "The disk image of the lab's PC cannot be written (0xC0FFEE43)."

	// userToldAfter is how long the lab's policy leaves a computer's user in peace.
	userToldAfter = 5 * time.Minute

	// checkWithin bounds the whole check, takeOverCheck what several receivers add.
	checkWithin   = 3 * time.Minute
	takeOverCheck = 2 * time.Minute
)

// checker runs one check and remembers what it has seen.
type checker struct {
	*Lab
	programs Programs
	out      io.Writer
	begun    time.Time
	last     time.Time
	seen     int
}

// check runs the whole way once, on ports and in a folder of its own. The
// folder stays when something did not happen.
func check(ctx context.Context, s Settings, out io.Writer, only ...string) (err error) {
	dir, err := os.MkdirTemp("", "vigie-lab-check-")
	if err != nil {
		return err
	}
	s.Data, s.Ports, s.Policy, s.NoNights = dir, PortNumbers{}, "lab", true
	interrupted, within := ctx, checkWithin
	if s.Receivers > 1 {
		within += takeOverCheck
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("not all happened within %s", within))
	defer cancel()
	now := time.Now()
	c := &checker{programs: s.Programs, out: out, begun: now, last: now}
	if c.Lab, err = StartLab(ctx, s); err == nil {
		if err = c.run(ctx, only); err != nil && !errDied(err) {
			err = fmt.Errorf("%w\n%s", err, warnings(dir)) // before the programs write that they end
		}
		end(c.Lab)
	}
	if interrupted.Err() != nil {
		_ = os.RemoveAll(dir)
		return errors.New("check: interrupted")
	}
	if err != nil {
		return fmt.Errorf("check: %w\neverything of this run lies in %s", err, dir)
	}
	fmt.Fprintf(out, "vigie-lab --check: %d things happened as they should, in %.0f s\n", c.seen, time.Since(c.begun).Seconds())
	return os.RemoveAll(dir)
}

// warnings are the last things that the programs complained of.
func warnings(dir string) string {
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(dir, "log", "*.log")) // the pattern is ours
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		lines := lastLines(file, 5, func(line string) bool {
			return !strings.Contains(line, "level=INFO") && !strings.Contains(line, "level=DEBUG")
		})
		fmt.Fprintf(&b, "  what %s complained of:\n%s\n", name, lines)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ok notes that something happened, and how long after the last.
func (c *checker) ok(format string, args ...any) {
	now := time.Now()
	fmt.Fprintf(c.out, "ok %6.1f s  %s\n", now.Sub(c.last).Seconds(), fmt.Sprintf(format, args...))
	c.last = now
	c.seen++
}

// run goes through all steps, or those that are named.
func (c *checker) run(ctx context.Context, only []string) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start", c.start},
		{"opening mail", c.opening},
		{"take-over", c.takeOver},
		{"escalation", c.escalation},
		{"resolution", c.resolution},
		{"workstation", c.workstation},
		{"sources", c.sources},
	} {
		if only != nil && !slices.Contains(only, step.name) {
			continue
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// start waits until all is ready, and lets a server's and a workstation's cloud
// backup fail.
func (c *checker) start(ctx context.Context) error {
	if err := c.Ready(ctx); err != nil {
		return err
	}
	for _, m := range c.Inbox.Messages() {
		// The overview of the day leaves at its hour, also when all is well.
		if m.Header(notify.HeaderStep) != "digest" {
			return fmt.Errorf("a mail was sent before anything failed: %q", m.Subject)
		}
	}
	c.ok("everything runs; machines that are well cause no mail")
	if err := c.Fleet.Machine(server, FailPrimary, serverError); err != nil {
		return err
	}
	return c.Fleet.Machine(workstation, FailPrimary, pcError)
}

// opening expects B1 to the supervisor.
func (c *checker) opening(ctx context.Context) error {
	m, err := c.mail(ctx, "the opening mail about SRV-AD to the supervisor", func(m smtpsink.Message) bool {
		return slices.Contains(m.Recipients, "sup@msp.example") && strings.Contains(m.Subject, "SRV-AD")
	})
	if err != nil {
		return err
	}
	local := c.find(server).Local
	paris, err := time.LoadLocation(wallClock)
	if err != nil {
		return err
	}
	proof := local.LastGood.In(paris)
	for what, text := range map[string]string{
		"customer": "Dupont", "machine": "SRV-AD", "plan": "daily", "error text": serverError,
		"local backup": local.Plan, "time of its last success": proof.Format("15:04"),
	} {
		if !contains(m.Text, text) {
			return fmt.Errorf("the opening mail does not tell the %s %q in its text:\n%s", what, text, m.Text)
		}
		if !contains(htmlText(m.HTML), text) {
			return fmt.Errorf("the opening mail does not tell the %s %q in its HTML", what, text)
		}
	}
	if err := addressed(m, []string{"sup@msp.example"}, nil); err != nil {
		return err
	}
	c.ok("opening mail to the supervisor, with customer, machine, plan, error text and the proof of the local backup: %q", m.Subject)
	return nil
}

// escalation acts through the command line and expects B2.
func (c *checker) escalation(ctx context.Context) error {
	out, err := c.vigie(ctx, "act", "escalate", "customer=dupont,machine=SRV-AD,backup_role=primary", "reason=the lab asks for help")
	if err != nil {
		return err
	}
	c.ok("vigie act escalate: %s", strings.SplitN(out, "\n", 2)[0])
	to, cc := []string{"am.dupont@msp.example"}, []string{"expert@msp.example", "vijay@msp.example"}
	first, err := c.mail(ctx, "the mail to the account manager", func(m smtpsink.Message) bool {
		return slices.Contains(m.Recipients, to[0]) && strings.Contains(m.Subject, "SRV-AD")
	})
	if err != nil {
		return err
	}
	if err := addressed(first, to, cc); err != nil {
		return err
	}
	if !contains(first.Text, "the lab asks for help") {
		return fmt.Errorf("the mail to the account manager does not tell the reason:\n%s", first.Text)
	}
	for _, who := range cc {
		m, err := c.mail(ctx, "the same mail accepted for "+who, func(m smtpsink.Message) bool {
			return m.MessageID == first.MessageID && slices.Contains(m.Recipients, who)
		})
		if err != nil {
			return err
		}
		if err := addressed(m, to, cc); err != nil {
			return err
		}
	}
	c.ok("mail to the account manager, Expert and Vijay in copy, in header and envelope: %q", first.Subject)
	return nil
}

// resolution repairs the server and expects B12.
func (c *checker) resolution(ctx context.Context) error {
	repaired := time.Now()
	if err := c.Fleet.Machine(server, Repair, ""); err != nil {
		return err
	}
	m, err := c.mail(ctx, "the mail that SRV-AD is repaired", func(m smtpsink.Message) bool {
		return m.Received.After(repaired) && slices.Contains(m.Recipients, "am.dupont@msp.example") && strings.Contains(m.Subject, "SRV-AD")
	})
	if err != nil {
		return err
	}
	inc, err := c.incident(ctx, server)
	if err != nil {
		return err
	}
	if inc.State != model.Resolved {
		return fmt.Errorf("a mail says that SRV-AD is repaired (%q), but the incident is %s", m.Subject, inc.State)
	}
	c.ok("repaired, proven and told: %q", m.Subject)
	return nil
}

// workstation expects that nothing has gone outside, and B4 on the next service
// day at 09:30.
func (c *checker) workstation(ctx context.Context) error {
	var inc receiver.Summary
	err := c.until(ctx, 500*time.Millisecond, func(ctx context.Context) (err error) {
		inc, err = c.incident(ctx, workstation)
		return err
	})
	if err != nil {
		return err
	}
	// Whatever would leave at once would have left by now: the hold is three
	// seconds, and the engine looks each second.
	quiet := inc.OpenedAt.Add(20 * time.Second)
	select {
	case <-time.After(time.Until(quiet)):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, m := range c.Inbox.Messages() {
		for _, r := range m.Recipients {
			if !strings.HasSuffix(r, "@msp.example") {
				return fmt.Errorf("%s was written to at once: %q", r, m.Subject)
			}
		}
	}
	c.ok("nothing went outside for %.0f s after the workstation's incident opened", time.Since(inc.OpenedAt).Seconds())
	out, err := c.vigie(ctx, "explain", "--output=json", "customer=martin,machine=PC-PAUL,backup_role=primary")
	if err != nil {
		return err
	}
	var x explain.Explanation
	if err := json.Unmarshal([]byte(out), &x); err != nil {
		return fmt.Errorf("vigie explain: %w: %s", err, out)
	}
	want := inc.OpenedAt.Add(userToldAfter)
	for _, s := range x.Steps {
		if s.Template != "B4" || s.Name != "client_told" {
			continue
		}
		if s.Due.Sub(want).Abs() > time.Second {
			return fmt.Errorf("vigie explain: %s is due %s, not %s (%s)", s.Name, s.Due, want, s.Reason)
		}
		c.ok("vigie explain: the user will be written to at %s", s.Due.Format("15:04:05"))
		return nil
	}
	return fmt.Errorf("vigie explain tells nothing of client_told (B4): %s", out)
}

// sources lets the backups of every simulated product fail and be repaired,
// and expects that the exporter reads both, with an error text.
func (c *checker) sources(ctx context.Context) error {
	for _, round := range []struct {
		what    string
		happens func(b *Backup) Event
		result  string
	}{
		{"failed", func(b *Backup) Event {
			if b == b.machine.Local {
				return FailLocal
			}
			return FailPrimary
		}, "failed"},
		{"repaired", func(*Backup) Event { return Repair }, "success"},
	} {
		one := map[string]*Backup{} // of each source
		for _, m := range c.Fleet.machines {
			for _, b := range m.backups() {
				if one[b.Source] == nil && m.Key() != server && m.Key() != workstation {
					one[b.Source] = b
				}
			}
		}
		for _, b := range one {
			if err := c.Fleet.Machine(b.machine.Key(), round.happens(b), ""); err != nil {
				return err
			}
		}
		err := c.until(ctx, 500*time.Millisecond, func(ctx context.Context) error {
			results, err := c.ask.Results(ctx)
			if err != nil {
				return err
			}
			for source, b := range one {
				if !slices.ContainsFunc(results, func(r exporters.ResultItem) bool {
					return r.Source == source && r.Customer == b.machine.Customer && r.LastResult == round.result && (r.Error == "") == (round.result == "success")
				}) {
					return fmt.Errorf("%s: %s of %s %s, and the exporter does not tell", source, b.Plan, b.machine.Key(), round.what)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		c.ok("%s: one backup of each of %d sources (%s)", round.what, len(one), strings.Join(slices.Sorted(maps.Keys(one)), ", "))
	}
	return nil
}

// mail waits for a mail; what is the sentence for the case that none comes.
func (c *checker) mail(ctx context.Context, what string, match func(smtpsink.Message) bool) (smtpsink.Message, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case died := <-c.Died():
			cancel(died)
		case <-ctx.Done():
		}
	}()
	m, err := c.Inbox.Wait(ctx, match)
	if err == nil {
		return m, nil
	}
	if cause := context.Cause(ctx); errDied(cause) {
		return m, cause
	}
	return m, fmt.Errorf("%s did not come: %w; how far it went:\n%s", what, err, c.story())
}

// story says how far the failures have come along the way, hop by hop.
func (c *checker) story() string {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	var b strings.Builder
	tell := func(hop, format string, args ...any) {
		fmt.Fprintf(&b, "    %-16s %s\n", hop, fmt.Sprintf(format, args...))
	}
	results, err := c.ask.Results(ctx)
	if err != nil {
		tell("backup_exporter", "%v", err)
	}
	for _, r := range results {
		if r.LastResult != "success" {
			tell("backup_exporter", "%s of %s of %s: %s: %s", r.Plan, r.Machine, r.Customer, r.LastResult, r.Error)
		}
	}
	alerts, err := c.ask.Alerts(ctx)
	if err != nil {
		tell("Prometheus", "%v", err)
	}
	for _, a := range alerts {
		tell("Prometheus", "%s is %s since %s, %s %s", a.Labels["alertname"], a.State, a.ActiveAt.Format(time.TimeOnly), a.Labels["customer"], a.Labels["machine"])
	}
	incidents, err := c.ask.Incidents(ctx)
	if err != nil {
		tell("Vigie", "%v", err)
	}
	for _, i := range incidents {
		tell("Vigie", "incident %s is %s, %s", i.Key, i.State, i.Scenario)
	}
	for _, m := range c.Inbox.Messages() {
		tell("mail", "to %s: %q", strings.Join(m.Recipients, ", "), m.Subject)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (c *checker) find(key string) *Machine {
	machines := c.Fleet.Machines()
	i := slices.IndexFunc(machines, func(m Machine) bool { return m.Key() == key })
	return &machines[i]
}

// incident asks Vigie for the incident of a machine's cloud backup.
func (c *checker) incident(ctx context.Context, key string) (receiver.Summary, error) {
	all, err := c.ask.Incidents(ctx)
	if err != nil {
		return receiver.Summary{}, err
	}
	for _, i := range all {
		if i.Identity["customer"]+"/"+i.Identity["machine"] == key && i.Identity["backup_role"] == "primary" {
			return i, nil
		}
	}
	return receiver.Summary{}, errors.New("no incident is known to Vigie for " + key)
}

// vigie runs the real command as the supervisor.
func (c *checker) vigie(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.programs.Vigie, args...)
	cmd.Env = append(os.Environ(), "VIGIE_URL="+c.Files.Ports.Vigie.URL("http"), "VIGIE_TOKEN_FILE="+c.Files.SecretFile(persons()[0]))
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("vigie %s: %w: %s", strings.Join(args[:2], " "), err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// addressed compares a mail's To and Cc with what they have to be, and sees to
// it that the envelope names nobody else.
func addressed(m smtpsink.Message, to, cc []string) error {
	for _, h := range []struct {
		name      string
		got, want []string
	}{{"To", smtpsink.Bare(m.To), to}, {"Cc", smtpsink.Bare(m.Cc), cc}} {
		slices.Sort(h.got)
		if !slices.Equal(h.got, h.want) {
			return fmt.Errorf("%q: header %s is %v, not %v", m.Subject, h.name, h.got, h.want)
		}
	}
	for _, r := range m.Recipients {
		if !slices.Contains(append(slices.Clone(to), cc...), r) {
			return fmt.Errorf("%q was sent to %s, who stands neither in To nor in Cc", m.Subject, r)
		}
	}
	return nil
}

// htmlText is what a reader of HTML sees.
func htmlText(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(z.Text())
			b.WriteByte(' ')
		}
	}
}

// contains compares without regard to how lines are broken.
func contains(text, part string) bool {
	return strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(part), " "))
}

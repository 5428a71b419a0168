package receiver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vigie/receiver/evidence"
	"vigie/receiver/message"
	"vigie/receiver/notify"
	"vigie/receiver/store"
	"vigie/rules"
)

// Render makes the words of one message of the notifications of a bundle.
type Render func([]rules.Notification) (message.Rendered, error)

const (
	bundlesAtOnce = 100
	// sealsAtOnce messages at most are made in one transaction.
	sealsAtOnce  = 32
	leasedAtOnce = 64
	// senders transmit at the same time, perAddress of them at most to one
	// address: one that is slow to take its mail holds back nobody else.
	senders    = 8
	perAddress = 2
	// pollWhileBusy is how often the outbox is looked at while all that was due is
	// on its way.
	pollWhileBusy = time.Second
	// leaseFor is longer than any transmission takes, its fallback included.
	leaseFor = 15 * time.Minute
	// explainWithin bounds the question to an exporter for its error texts.
	explainWithin = 5 * time.Second
	// rerender is until a bundle that could not be rendered is tried again.
	rerender = time.Minute
)

// Sender is who messages come from.
type Sender struct {
	From    notify.Address
	ReplyTo string
}

// unready remembers bundles that could not be made into a message.
type unready struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// all returns the bundles that are not to be tried yet.
func (r *unready) all(now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.until, func(_ string, until time.Time) bool { return !until.After(now) })
	return slices.Sorted(maps.Keys(r.until))
}

func (r *unready) put(key string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	r.until[key] = until
}

func (r *unready) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.until)
}

// Deliver makes messages of the notifications whose hold has ended and sends
// what is due, until nothing is due and nothing is on its way.
func (e *Engine) Deliver(ctx context.Context) error {
	way := onTheWay{ended: make(chan ended, senders), to: map[string]int{}, busy: map[transmissionKey]bool{}}
	err := e.deliver(ctx, &way)
	for way.n > 0 { // what was begun is finished: otherwise it would be sent twice
		err = errors.Join(err, way.wait())
	}
	return err
}

// onTheWay are the transmissions that are being made.
type onTheWay struct {
	ended chan ended
	n     int
	to    map[string]int // transmissions, by address
	// busy keeps one from being begun twice when the clock jumps past its lease.
	busy map[transmissionKey]bool
	// next are due and not begun. An earlier message never comes up meanwhile, so
	// they need not be looked for anew for each of them.
	next []store.Transmission
	// sealed and looked are when messages were last made, and transmissions looked
	// for, by the machine's own clock.
	sealed, looked time.Time
}

// fitting takes those of next for which there is a free sender.
func (w *onTheWay) fitting() []store.Transmission {
	var out, left []store.Transmission
	more := map[string]int{}
	for i, t := range w.next {
		if w.n+len(out) == senders {
			left = append(left, w.next[i:]...)
			break
		}
		switch {
		case w.busy[transmissionKey{t.Message, t.Address}]:
		case w.to[t.Address]+more[t.Address] < perAddress:
			out = append(out, t)
			more[t.Address]++
		default:
			left = append(left, t)
		}
	}
	w.next = left
	return out
}

type transmissionKey struct{ message, address string }

type ended struct {
	transmissionKey
	err error
}

// wait takes note of one that has ended.
func (w *onTheWay) wait() error { return w.take(<-w.ended) }

func (w *onTheWay) take(x ended) error {
	w.n--
	delete(w.busy, x.transmissionKey)
	if w.to[x.address]--; w.to[x.address] == 0 {
		delete(w.to, x.address)
	}
	return x.err
}

func (e *Engine) deliver(ctx context.Context, way *onTheWay) error {
	for ctx.Err() == nil {
		if len(way.next) == 0 || time.Since(way.sealed) >= pollWhileBusy {
			way.sealed = time.Now()
			if err := e.sealDue(ctx); err != nil {
				return err
			}
		}
		begun, err := e.begin(ctx, way)
		if err != nil {
			return err
		}
		if begun > 0 && way.n < senders {
			continue
		}
		if way.n == 0 {
			return nil
		}
		select {
		case x := <-way.ended:
			e.progress("outbox")
			if err := way.take(x); err != nil {
				return err
			}
		case <-time.After(pollWhileBusy):
		}
	}
	return nil
}

// begin starts as many due transmissions as may be made now.
func (e *Engine) begin(ctx context.Context, way *onTheWay) (int, error) {
	now := e.o.Now()
	ts, err := e.startable(ctx, way, now)
	if err != nil || len(ts) == 0 {
		return 0, err
	}
	err = e.store.Update(ctx, func(tx *store.Tx) error { return tx.Lease(ts, now.Add(leaseFor)) })
	if err != nil {
		return 0, err
	}
	for _, t := range ts {
		way.n++
		way.to[t.Address]++
		k := transmissionKey{t.Message, t.Address}
		way.busy[k] = true
		// A stop does not interrupt what was begun.
		go func() { way.ended <- ended{k, e.transmit(context.WithoutCancel(ctx), t)} }()
	}
	return len(ts), nil
}

// startable returns due transmissions for which there is a free sender. It looks
// further than one page only when a page is all for addresses that are slow.
func (e *Engine) startable(ctx context.Context, way *onTheWay, now time.Time) ([]store.Transmission, error) {
	if out := way.fitting(); len(out) > 0 || len(way.next) > 0 && time.Since(way.looked) < pollWhileBusy {
		return out, nil
	}
	way.looked = time.Now()
	for page := leasedAtOnce; way.n < senders; page *= 8 {
		err := e.store.View(ctx, func(tx *store.Tx) (err error) {
			way.next, err = tx.DueTransmissions(now, page)
			return err
		})
		if err != nil {
			return nil, err
		}
		full := len(way.next) == page
		if out := way.fitting(); len(out) > 0 || !full {
			return out, nil
		}
	}
	return nil, nil
}

// sealDue makes messages of bundles: rendered and committed before any socket
// opens, so that every attempt sends the same.
func (e *Engine) sealDue(ctx context.Context) error {
	now := e.o.Now()
	stuck := e.unready.all(now)
	var keys []string
	err := e.store.View(ctx, func(tx *store.Tx) (err error) {
		keys, err = tx.DueBundles(now, bundlesAtOnce+len(stuck))
		return err
	})
	if err != nil {
		return err
	}
	var together []sealable
	told := map[string]bool{} // incidents that those are about
	flush := func() error {
		err := e.sealAll(ctx, together, now)
		together = nil
		clear(told)
		return err
	}
	for _, key := range keys {
		if slices.Contains(stuck, key) {
			continue
		}
		ns, err := e.bundle(ctx, key, now, stuck, told, flush)
		if err != nil {
			return err
		}
		if len(ns) == 0 {
			continue
		}
		e.explain(ctx, ns)
		s, err := e.compose(ctx, ns)
		if err != nil {
			if err := e.sealParts(ctx, key, ns, err, now); err != nil {
				return err
			}
			continue
		}
		together = append(together, s)
		for _, n := range ns {
			told[n.IncidentID] = true
		}
		if len(together) == sealsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// bundle reads what leaves now of a bundle. What waits to be kept about the same
// incidents is kept first: it lets others leave.
func (e *Engine) bundle(ctx context.Context, key string, now time.Time, stuck []string, told map[string]bool, flush func() error) (ns []rules.Notification, err error) {
	var about []string
	read := func(tx *store.Tx) error {
		if about, err = tx.BundleIncidents(key); err == nil {
			ns, err = tx.Bundle(key, now, stuck)
		}
		return err
	}
	if err := e.store.View(ctx, read); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(about, func(id string) bool { return told[id] }) {
		return ns, nil
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return ns, e.store.View(ctx, read)
}

// sealAll makes messages in one transaction, in their order. They are about
// different incidents, so that none of them is the answer to another.
func (e *Engine) sealAll(ctx context.Context, all []sealable, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	err := e.store.Update(ctx, func(tx *store.Tx) error { return e.sealIn(tx, now, all...) })
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	for _, s := range all { // one that cannot be kept must not keep the others back
		err := e.store.Update(ctx, func(tx *store.Tx) error { return e.sealIn(tx, now, s) })
		if err == nil {
			continue
		}
		if err := e.sealParts(ctx, s.ns[0].BundleKey, s.ns, err, now); err != nil {
			return err
		}
	}
	return nil
}

// sealParts takes the notifications of a bundle that failed as one message each
// for itself, and puts off what cannot be written at all.
func (e *Engine) sealParts(ctx context.Context, key string, ns []rules.Notification, err error, now time.Time) error {
	if len(ns) > 1 && !errors.Is(err, store.ErrUnavailable) {
		e.log.Error("a bundle could not be written as one message; trying each alone", "bundle", key, "err", err)
		err = nil
		for _, n := range ns {
			err = errors.Join(err, e.sealOne(ctx, n, now))
		}
	}
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	if err != nil {
		e.metrics.sent.WithLabelValues(ns[0].Template, "unrendered").Inc()
		e.log.Error("a message could not be written; it is kept and tried again", "bundle", key, "err", err)
		e.unready.put(key, now.Add(rerender))
	}
	return nil
}

func (e *Engine) sealOne(ctx context.Context, n rules.Notification, now time.Time) error {
	s, err := e.compose(ctx, []rules.Notification{n})
	if err != nil {
		return err
	}
	return e.store.Update(ctx, func(tx *store.Tx) error { return e.sealIn(tx, now, s) })
}

// sealable is a message that is written but not yet kept.
type sealable struct {
	id    string
	ns    []rules.Notification
	value []byte
}

// compose writes the message of a bundle.
func (e *Engine) compose(ctx context.Context, ns []rules.Notification) (sealable, error) {
	parts := []string{e.instance}
	for _, n := range ns {
		parts = append(parts, n.ID, strconv.FormatInt(n.DecidedAt.UnixNano(), 10))
	}
	id, err := notify.NewMessageID(e.live().Domain, parts...)
	if err != nil {
		return sealable{}, err
	}
	root, err := e.root(ctx, ns)
	if err != nil {
		return sealable{}, err
	}
	words, err := e.live().Render(ns)
	if err != nil {
		return sealable{}, err
	}
	m := e.message(ns, words)
	m.ID = id
	if root != "" {
		m.InReplyTo, m.References = root, []string{root}
	}
	value, err := json.Marshal(m)
	return sealable{id, ns, value}, err
}

func (e *Engine) sealIn(tx *store.Tx, now time.Time, all ...sealable) error {
	u := e.unit(tx, now)
	for _, s := range all {
		ok, err := tx.Seal(s.id, s.ns[0].Template, s.ns, s.value, recipients(s.ns[0]), now)
		if err != nil {
			return err
		}
		if !ok {
			continue // what was withdrawn meanwhile leaves, next time, without it
		}
		for _, n := range s.ns {
			en, err := u.load(n.IncidentID)
			if err != nil {
				return err
			}
			if en.Root == "" {
				en.Root, en.dirty = s.id, true
			}
		}
	}
	return u.flush()
}

// root is the Message-ID that began the thread of the first incident.
func (e *Engine) root(ctx context.Context, ns []rules.Notification) (root string, err error) {
	err = e.store.View(ctx, func(tx *store.Tx) error {
		for _, n := range ns {
			r, err := tx.Incident(n.IncidentID)
			if err != nil {
				return err
			}
			if r.Root != "" {
				root = r.Root
				return nil
			}
		}
		return nil
	})
	return root, err
}

func (e *Engine) message(ns []rules.Notification, words message.Rendered) notify.Message {
	n := ns[0]
	m := notify.Message{
		From: e.live().Sender.From, ReplyTo: e.live().Sender.ReplyTo,
		Subject: words.Subject, Text: words.Text, HTML: words.HTML, Language: cmp.Or(words.Language, n.Language), Date: n.DecidedAt,
		Headers: map[string]string{
			notify.HeaderStep: n.Step, notify.HeaderTemplate: n.Template, notify.HeaderEpisode: strconv.Itoa(n.Episode),
		},
	}
	m.To, m.Cc = headers(n.To), headers(n.Cc)
	ids := make([]string, len(ns))
	for i, n := range ns {
		ids[i] = n.IncidentID
	}
	m.IncidentID = strings.Join(ids, " ")
	if len(ns) > 1 {
		m.Headers[notify.HeaderBundle] = strconv.Itoa(len(ns))
	}
	return m
}

// headers are the mailboxes that a header names; whoever is told by another
// channel has none.
func headers(ps []rules.Party) []string {
	var out []string
	for _, p := range ps {
		if channel, _ := rules.SplitAddress(p.Address); channel == "" {
			out = append(out, notify.Address{Name: p.Name, Addr: p.Address}.String())
		}
	}
	return out
}

// recipients are the addresses of To and Cc, each once.
func recipients(n rules.Notification) []string {
	var out []string
	for _, p := range slices.Concat(n.To, n.Cc) {
		if !slices.ContainsFunc(out, func(a string) bool { return strings.EqualFold(a, p.Address) }) {
			out = append(out, p.Address)
		}
	}
	return out
}

// explain completes notifications with the words in which the products explain
// their failures. A mail without them is better than none.
func (e *Engine) explain(ctx context.Context, ns []rules.Notification) {
	type question struct{ source, customer string }
	answers := map[question]map[string]evidence.Result{}
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	for i := range ns {
		f := &ns[i].Facts
		for j := range f.Plans {
			row := &f.Plans[j]
			if row.Source == "" || row.JobID == "" || row.Error != "" {
				continue
			}
			q := question{row.Source, f.Customer}
			if _, asked := answers[q]; !asked {
				answers[q] = e.results(ctx, q.source, q.customer)
			}
			r, known := answers[q][row.JobID]
			if !known {
				continue
			}
			row.Error = r.Error
			if f.Error == "" {
				f.Error = r.Error
			}
			f.AgentLastSeen = later(f.AgentLastSeen, r.AgentLastSeen)
			if f.NextRun.IsZero() {
				f.NextRun = r.NextRun
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (e *Engine) results(ctx context.Context, source, customer string) map[string]evidence.Result {
	out := map[string]evidence.Result{}
	for _, x := range e.live().Exporters {
		if !x.Reads(source) {
			continue
		}
		rs, err := x.Results(ctx, source, customer)
		if err != nil {
			e.log.Warn("no error texts from the exporter", "source", source, "err", err)
			continue
		}
		for _, r := range rs {
			if r.Source == source {
				out[r.JobID] = r
			}
		}
	}
	return out
}

// transmit makes one transmission and keeps what became of it.
func (e *Engine) transmit(ctx context.Context, t store.Transmission) error {
	var m notify.Message
	err := e.store.View(ctx, func(tx *store.Tx) error {
		value, err := tx.Message(t.Message)
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &m)
	})
	if err != nil {
		return fmt.Errorf("message %s: %w", t.Message, err)
	}
	sent := e.send(ctx, m, t)
	e.calls.blame(sent)
	now := e.o.Now()
	v := e.judge(t, sent, now)
	e.metrics.sent.WithLabelValues(t.Template, v.result).Inc()
	if sent != nil {
		e.log.Warn("message not accepted", "message", t.Message, "attempt", t.Attempts, "result", v.result, "err", sent)
	}
	return e.store.Update(ctx, func(tx *store.Tx) error {
		if v.status == store.Pending {
			return tx.Retry(t.Message, t.Address, v.detail, v.next)
		}
		if err := tx.Finish(t.Message, t.Address, v.status, v.detail, now); err != nil {
			return err
		}
		return e.tell(tx, t.Message, v.detail, now)
	})
}

// send hands a message to the channel of its transmission.
func (e *Engine) send(ctx context.Context, m notify.Message, t store.Transmission) error {
	if t.Channel == "" {
		return e.live().Channel.Deliver(ctx, m, t.Address)
	}
	c := e.live().Channels[t.Channel]
	if c == nil {
		return &notify.Error{Kind: notify.KindConfig, Channel: t.Channel, Phase: "channel",
			Err: errors.New("the configuration names no such channel: name it under channels in vigie.yml, and the message leaves")}
	}
	return c.Deliver(ctx, m, strings.TrimPrefix(t.Address, t.Channel+":"))
}

// verdict is what an attempt comes to.
type verdict struct {
	status, result, detail string
	next                   time.Time
}

func (e *Engine) judge(t store.Transmission, sent error, now time.Time) verdict {
	if sent == nil {
		return verdict{status: store.Accepted, result: "accepted"}
	}
	retry := verdict{status: store.Pending, result: "retry", detail: sent.Error(), next: now.Add(e.backoff(t.Attempts))}
	var problem *notify.Error
	if errors.As(sent, &problem) && problem.RetryAfter > 0 {
		retry.next = later(retry.next, now.Add(min(problem.RetryAfter, e.live().Timings.RetryMost)))
	}
	switch {
	case notify.IsConfiguration(sent):
		// Ours to mend: the message waits, however long, and does not hammer.
		retry.result, retry.next = "misconfigured", now.Add(e.live().Timings.RetryMost)
	case notify.IsPermanent(sent):
		return verdict{status: store.Refused, result: "refused", detail: sent.Error()}
	case now.Sub(t.Since) >= e.live().Timings.GiveUp:
		return verdict{status: store.Refused, result: "given_up",
			detail: fmt.Sprintf("not accepted for %s: %s", e.live().Timings.GiveUp, sent)}
	case errors.Is(sent, notify.ErrUnknown):
		retry.result = "unknown"
	}
	return retry
}

// backoff doubles from the first pause to the longest.
func (e *Engine) backoff(attempts int) time.Duration {
	d := e.live().Timings.RetryFirst
	for range attempts - 1 {
		if d *= 2; d >= e.live().Timings.RetryMost {
			return e.live().Timings.RetryMost
		}
	}
	return d
}

// tell lets the incidents of a message know how far it has come.
func (e *Engine) tell(tx *store.Tx, message, detail string, now time.Time) error {
	ts, err := tx.Transmissions(message)
	if err != nil {
		return err
	}
	ns, err := tx.Notifications(message)
	if err != nil {
		return err
	}
	ev := rules.Delivered{MessageID: message, Complete: true, Detail: detail}
	for _, t := range ts {
		switch t.Status {
		case store.Accepted:
			ev.Accepted = append(ev.Accepted, t.Address)
		case store.Refused:
			ev.Refused = append(ev.Refused, t.Address)
			ev.Complete = false
		default:
			ev.Complete = false
		}
	}
	u := e.unit(tx, now)
	for _, n := range ns {
		en, err := u.load(n.IncidentID)
		if err != nil {
			return err
		}
		ev.NotificationID = n.ID
		if _, err := u.apply(en, ev); err != nil {
			return err
		}
	}
	return u.flush()
}

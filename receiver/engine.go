// Package receiver drives the rules: it remembers incidents, waits, asks and
// sends. What should happen is decided in package rules; here is how it comes
// about, the same way for a webhook, the clock, a person and reconciliation.
package receiver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vigie/receiver/alertmanager"
	"vigie/receiver/answers"
	"vigie/receiver/board"
	"vigie/receiver/chain"
	"vigie/receiver/config"
	"vigie/receiver/evidence"
	"vigie/receiver/lead"
	"vigie/receiver/link"
	"vigie/receiver/loop"
	"vigie/receiver/message/languages"
	"vigie/receiver/message/locale"
	"vigie/receiver/nights"
	"vigie/receiver/notify"
	"vigie/receiver/outbox"
	"vigie/receiver/pinned"
	"vigie/receiver/promised"
	"vigie/receiver/reports"
	"vigie/receiver/sending"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
)

// Options is what an engine is made of for as long as it lives.
type Options struct {
	Store    *store.Store
	Registry prometheus.Registerer
	Logger   *slog.Logger
	// Now is the only clock.
	Now func() time.Time
	// Stalled is how long a loop may take beyond its pace before the engine
	// counts as ill, by the machine's own clock; 10 min, as the slowest single
	// thing is a mail with its fallback.
	Stalled time.Duration
}

// Reloadable is what a reload replaces, all at once.
type Reloadable struct {
	// Book is what decisions are made from.
	Book *rules.Book
	// Render makes one message of the notifications of a bundle.
	Render Render
	// RenderDigest makes the words of the morning's overview; nil for none.
	RenderDigest RenderDigest
	// TemplateName is the name of a template that has aliases; nil when none has.
	TemplateName func(string) string
	// Counts are the questions for its numbers; those of the shipped rules when
	// empty.
	Counts Counts
	// Pages is where people's browsers find this receiver; empty when nobody said.
	Pages string
	// Links signs and reads the links of mails; nil for none.
	Links *Links
	// Channel carries mail to people, Channels whatever else reaches them, by name.
	Channel  notify.Channel
	Channels map[string]notify.Channel
	// Languages are what pages are written in; those of the program when nil.
	Languages *locale.Catalog
	// Sender is who messages come from, Domain the domain of their Message-IDs.
	Sender Sender
	// Mailbox is where answers and bounces arrive; nil for none that is read.
	Mailbox *answers.Mailbox
	Domain  string
	// Evidence asks Prometheus; without one everything is unknown.
	Evidence *evidence.Client
	// Exporters explain failures in words.
	Exporters []evidence.Exporter
	// Alertmanagers are asked what fires and what is silenced.
	Alertmanagers []*alertmanager.Client
	// Alarm reaches a person when the outbox does not empty; nil for none.
	Alarm *Alarm
	// Heartbeat tells a watcher elsewhere that this receiver works; nil for none.
	Heartbeat *Heartbeat
	// Timings are the engine's own paces.
	Timings Timings
}

// Render and Sender are those of the outbox.
type (
	Render = outbox.Render
	Sender = outbox.Sender
)

// Timings are [config.Timings].
type Timings = config.Timings

// Engine is the receiver's heart: it wires the loops, each of which does one
// thing, and lets their loops run.
type Engine struct {
	*core
	*intake
	*acts
	*reader
	*board.Board
	*answers.Shelf
	scheduler  *scheduler
	asker      *asker
	outbox     *outbox.Outbox
	correlator *correlator
	watchdog   *watchdog
	reconciler *reconciler
	sealer     *sealer
	upkeep     *upkeep
	alarm      *alarm
	heartbeat  *heartbeats
	digest     *digest
	returns    *returns
	chains     *chain.Asker
	nights     *nights.Keeper
	measurer   *measurer
	copies     *nights.Watch
	reports    *reports.Maker
	sender     *reports.Sender
}

// GCPercent is the garbage collector's pace that suits a receiver: its live
// heap is small, and what a delivery leaves behind is gone with its answer.
// Twice as much saves a twentieth of the processor and takes a third more memory
// with a million open incidents.
const GCPercent = 200

// New returns an engine; [Engine.Run] starts it.
func New(ctx context.Context, o Options, p Reloadable) (*Engine, error) {
	e := wire(o)
	if err := e.watchdog.recall(ctx); err != nil {
		return nil, err
	}
	if err := e.settleIn(ctx); err != nil {
		return nil, err
	}
	if err := e.recallEndings(ctx); err != nil {
		return nil, err
	}
	e.changed.Store(true)
	return e, e.Reload(ctx, p)
}

// wire makes the loops and tells each of those that it works with.
func wire(o Options) *Engine {
	if o.Stalled == 0 {
		o.Stalled = 10 * time.Minute
	}
	c := &core{store: o.Store, log: o.Logger, now: o.Now}
	open := board.New(o.Store)
	measures := newMeasurer(c)
	c.metrics = newMetrics(o.Registry, c, open)
	c.turns = &loop.Turns{Log: o.Logger, Errors: c.metrics.loopErrors, Stalled: o.Stalled, Alone: func(ctx context.Context) (context.Context, bool) { return c.Alone(ctx) }}
	c.watch.started = o.Now()
	e := &Engine{core: c, intake: &intake{core: c}, reader: &reader{core: c}, asker: &asker{core: c},
		measurer: measures, correlator: &correlator{core: c}, sealer: &sealer{core: c}, upkeep: newUpkeep(c, o.Registry), heartbeat: &heartbeats{core: c}}
	c.Leader = lead.New(lead.Options{Store: o.Store, Log: o.Logger, Values: []string{watchdogKey, endedKey, unconfirmedKey},
		Alert: blindSignal(o.Now()), Hear: e.listen, TakeOver: e.takeOver})
	e.reconciler = &reconciler{core: c, intake: e.intake, asker: e.asker, hurried: make(chan struct{}, 1)}
	e.acts = &acts{core: c, hurry: e.reconciler.hurry}
	e.Board = open
	e.chains = &chain.Asker{Seen: &c.seen}
	e.nights = &nights.Keeper{Prometheus: func() *evidence.Client { return c.live().Evidence }, Exporters: func() []evidence.Exporter { return c.live().Exporters }}
	e.copies = &nights.Watch{Keeper: e.nights, Book: c.Book, Turns: c.turns, Now: c.now}
	e.watchdog = &watchdog{core: c, reconciler: e.reconciler}
	e.outbox = newOutbox(c)
	e.reports = &reports.Maker{Store: o.Store, Book: c.Book, Nights: e.nights}
	if o.Registry != nil {
		o.Registry.MustRegister(&promised.Collector{Book: c.Book, Now: c.now, Measured: measures.Figures, Copies: e.copies.Known, Tests: e.reports.DueNow(c.now, func(err error) { c.log.Error("the restore tests that are due are not known", "err", err) })})
	}
	e.sender = &reports.Sender{Maker: e.reports, Turns: c.turns, Now: c.now, Letter: e.outbox.Alone,
		Speaks: func() *locale.Catalog { return c.live().Languages }, Pages: func() string { return c.live().Pages }}
	e.alarm = &alarm{core: c, outbox: e.outbox}
	e.digest = &digest{core: c, outbox: e.outbox, reconciler: e.reconciler, sealer: e.sealer}
	e.Shelf = &answers.Shelf{Store: o.Store, Now: o.Now}
	e.returns = &returns{core: c, Shelf: e.Shelf, metrics: answers.NewMetrics(o.Registry)}
	e.scheduler = &scheduler{core: c, afterSetBack: func() {
		e.correlator.looked.Store(0)
		e.outbox.ComposeAnew()
	}}
	return e
}

// newOutbox makes the outbox, whose transmissions the incidents hear of.
func newOutbox(c *core) *outbox.Outbox {
	return outbox.New(outbox.Options{Store: c.store, Log: c.log, Turns: c.turns, Now: c.now, Due: c.Due, StillLeads: c.StillLeads, Sent: c.metrics.sent,
		Settings: func() outbox.Settings {
			p := c.live()
			return outbox.Settings{Book: p.Book, Render: p.Render, Sender: p.Sender, Domain: p.Domain, Mailbox: p.Mailbox, Exporters: p.Exporters,
				Channel: p.Channel, Channels: p.Channels,
				Tick: p.Timings.Tick, Pauses: sending.Pauses{First: p.Timings.RetryFirst, Most: p.Timings.RetryMost, GiveUp: p.Timings.GiveUp}}
		},
		Instance: func() string { return c.instance },
		Update: func(ctx context.Context, now time.Time, work func(*store.Tx, outbox.Tell) error) error {
			return c.update(ctx, now, func(b *batch) error {
				return work(b.tx, func(id string, ev incident.Delivered) error {
					_, err := b.Tell(id, ev)
					return err
				})
			})
		}})
}

// settleIn takes over what an earlier process left.
func (e *Engine) settleIn(ctx context.Context) error {
	return e.store.Update(ctx, func(tx *store.Tx) (err error) {
		if err := tx.Whole(); err != nil {
			return err
		}
		if e.instance, err = tx.Value("instance"); err != nil {
			return err
		}
		if e.instance == "" {
			e.instance = rand.Text()
			if err := tx.SetValue("instance", e.instance); err != nil {
				return err
			}
		}
		if e.store.Shared() {
			return nil // another receiver may be sending; see takeOver
		}
		now := e.now()
		return errors.Join(tx.ReleaseLeases(now), tx.Hasten(now))
	})
}

// Reload works with another configuration from now on. Policies that incidents are pinned
// to and that the new book lacks are taken from the store.
func (e *Engine) Reload(ctx context.Context, p Reloadable) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	now := e.now()
	if err := p.Links.Open(); err != nil {
		return err
	}
	book := p.Book
	full, err := pinned.With(ctx, e.store, book, now)
	if err != nil {
		return err
	}
	p.Book, p.Timings = full, p.Timings.WithDefaults()
	if p.Languages == nil {
		if p.Languages, err = locale.Load(languages.Folders()); err != nil {
			return err
		}
	}
	err = e.store.Update(ctx, func(tx *store.Tx) error {
		for _, p := range book.Policies() {
			if err := tx.KeepPolicy(p.Hash, p.Source, now); err != nil {
				return err
			}
		}
		tx.AfterCommit(func() {
			e.current.Store(&p)
			e.scheduler.anew.begin()
		})
		// Whoever reloads may have mended the mail settings, or a file they name.
		if err := tx.Hasten(now); err != nil {
			return err
		}
		return foreshorten(tx, full, p.Timings.RetryMost, now)
	})
	if err != nil {
		return fmt.Errorf("keep the policies: %w", err)
	}
	return nil
}

// Nights tells how machines' backups went, day by day.
func (e *Engine) Nights() *nights.Keeper { return e.nights }

// Reports makes the reports of a month.
func (e *Engine) Reports() *reports.Maker { return e.reports }

// Languages are what people are written to in.
func (e *Engine) Languages() *locale.Catalog { return e.live().Languages }

// TemplateName is the name of a template that a policy names by it or by an alias.
func (e *Engine) TemplateName(name string) string {
	if e.live().TemplateName == nil {
		return name
	}
	return e.live().TemplateName(name)
}

// Run keeps the engine going until ctx ends, then finishes what is under way. It
// ends by itself, with an error, only when the disk has failed.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := e.store.Broken(ctx)
		if err != nil {
			e.log.Error("the receiver ends", "err", err)
		}
		return err
	})
	for _, l := range []interface{ Run(context.Context) error }{
		e.scheduler, e.asker, e.outbox, e.correlator, e.watchdog, e.reconciler, e.sealer, e.upkeep, e.alarm, e.heartbeat, e.digest, e.returns, e.measurer, e.sender, e.copies,
	} {
		g.Go(func() error { return l.Run(ctx) })
	}
	// The lease is kept for as long as what was begun is being finished.
	leading, end := context.WithCancel(context.WithoutCancel(ctx))
	gone := make(chan error, 1)
	go func() { gone <- e.Keep(leading) }()
	err := g.Wait()
	end()
	return errors.Join(err, <-gone)
}

// Hurry makes reconciliation run now instead of at its next turn.
func (e *Engine) Hurry() { e.reconciler.hurry() }

// Healthy returns an error that names a loop which does not turn any more.
func (e *Engine) Healthy() error { return e.turns.Healthy() }

// Ready returns an error while the store does not take anything, or will soon
// take nothing more.
func (e *Engine) Ready(ctx context.Context) error { return e.ready(ctx) }

// Status is the HTTP status that an error of the engine stands for.
func Status(err error) int {
	var refused *incident.Refusal
	var stale *StaleError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &refused):
		return refused.Status
	case errors.As(err, &stale):
		return http.StatusConflict
	case errors.Is(err, link.ErrForged):
		return http.StatusForbidden
	case errors.Is(err, link.ErrExpired):
		return http.StatusGone
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable // whatever else went wrong may go right next time
}

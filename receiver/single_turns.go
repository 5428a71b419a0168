package receiver

import "context"

// One turn of each loop, for whoever moves the clock himself. [Engine.Run] takes
// them at their paces.

// Tick lets every incident decide whose time has come.
func (e *Engine) Tick(ctx context.Context) error { return e.scheduler.turn(ctx) }

// AskDue asks for the evidence that decisions wait for.
func (e *Engine) AskDue(ctx context.Context) error { return e.asker.turn(ctx) }

// Deliver makes messages of the notifications whose hold has ended and sends
// what is due, until nothing is due and nothing is on its way.
func (e *Engine) Deliver(ctx context.Context) error { return e.outbox.Turn(ctx) }

// Correlate looks for failures common to several incidents.
func (e *Engine) Correlate(ctx context.Context) error { return e.correlator.turn(ctx) }

// Watch raises an incident while the watchdog is missing, and ends it when the
// watchdog is heard again.
func (e *Engine) Watch(ctx context.Context) error { return e.watchdog.turn(ctx) }

// Reconcile asks every Alertmanager what fires and what is silenced, and mends
// what webhooks did not tell.
func (e *Engine) Reconcile(ctx context.Context) error { return e.reconciler.turn(ctx) }

// Seal seals what the journal grew by since the last seal.
func (e *Engine) Seal(ctx context.Context) error { return e.sealer.turn(ctx) }

// Upkeep lets the store look after itself.
func (e *Engine) Upkeep(ctx context.Context) error { return e.upkeep.turn(ctx) }

// CallOut calls a person when the outbox has not emptied for too long.
func (e *Engine) CallOut(ctx context.Context) error { return e.alarm.turn(ctx) }

// Beat sends the heartbeat when its time has come.
func (e *Engine) Beat(ctx context.Context) error { return e.heartbeat.turn(ctx) }

// Measure tells incidents how long platforms were down.
func (e *Engine) Measure(ctx context.Context) error { return e.measurer.Turn(ctx) }

// CountCopies asks which copies of all machines are good.
func (e *Engine) CountCopies(ctx context.Context) error { return e.copies.Turn(ctx) }

// Digest makes the overview of the day when its hour has come, once a day.
func (e *Engine) Digest(ctx context.Context) error { return e.digest.turn(ctx) }

// LookIntoMailbox takes in what came back for messages, when it is time to.
func (e *Engine) LookIntoMailbox(ctx context.Context) error { return e.returns.turn(ctx) }

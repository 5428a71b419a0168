package store

import (
	"context"
	"database/sql"
	"slices"

	"vigie/receiver/store/engine"
	"vigie/rules/incidents"
)

// Scope is what an update is about. Where several receivers share a database,
// updates about different things go on at the same time; any that names no scope
// has the database for itself. It is a promise that the store checks: an update that
// turns out to be about more is undone and run again with that.
type Scope struct {
	// Handles are those by which the incidents are found that it may open, read or
	// change, and what else it writes; see [ValueHandle], [AlertHandle], [Body.Handle].
	Handles []incidents.Handle
	// Incidents are the ids of incidents, with everything by which they are found.
	Incidents []string
}

// ValueHandle stands for a remembered value, AlertHandle for an alert that no incident is kept for.
func ValueHandle(name string) incidents.Handle { return incidents.Handle{Kind: "fact", Name: name} }
func AlertHandle(fingerprint string) incidents.Handle {
	return incidents.Handle{Kind: "alert", Name: fingerprint}
}

type scopeKey struct{}

// About returns a context whose updates are about a scope.
func About(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, &s)
}

func scopeOf(ctx context.Context) *Scope {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}

// locked makes sure that what is found by these handles stays as it is until the end
// of the transaction, but for what the transaction itself does.
func (tx *statements) locked(hs ...incidents.Handle) error {
	s := tx.sharing
	if s == nil {
		return nil
	}
	var err error
	for _, h := range hs {
		if !s.Locks[engine.LockOf(h)] {
			s.Lacks, err = append(s.Lacks, h), engine.ErrBeyond
		}
	}
	return err
}

// lockedAll makes sure that nobody else writes.
func (tx *statements) lockedAll() error {
	if tx.sharing == nil {
		return nil
	}
	tx.sharing.Alone = true
	return engine.ErrBeyond
}

// noneAt reports whether it is known that no incident is found by these handles.
func (tx *statements) noneAt(hs ...incidents.Handle) bool {
	if tx.sharing == nil {
		return false
	}
	for _, h := range hs {
		if !tx.sharing.Empty[h] {
			return false
		}
	}
	return true
}

// lockedRecord makes sure that nobody else changes an incident. Those that concern
// others beyond their place are changed only while nobody else writes.
func (tx *statements) lockedRecord(r *Record, write bool) error {
	switch {
	case tx.sharing == nil:
		return nil
	case r.Entry == common || write && (r.Blinds || rowOf(r).stored.blinds):
		if write {
			return tx.lockedAll()
		}
		return nil
	}
	if write {
		for _, h := range incidents.Handles(r.Key, r.Place()) {
			delete(tx.sharing.Empty, h)
		}
	}
	return tx.locked(incidents.HandlesOf(r.Key, r.Identity, r.Place())...)
}

// reserved is the connection of a transaction that others run beside, to whatever
// does not say that it can do with that: nothing passes.
type reserved struct {
	engine.Querier
	*engine.Sharing
}

func (r reserved) Query(string, ...any) (*sql.Rows, error) {
	r.Alone = true
	return nil, engine.ErrBeyond
}

func (r reserved) Exec(string, ...any) (sql.Result, error) {
	r.Alone = true
	return nil, engine.ErrBeyond
}

// beside lets a statement through in a transaction that others run beside. Whoever
// calls it has made sure, by [statements.locked] or else by what it asks, that
// the others do not matter.
func (tx *statements) beside() *statements {
	q, kept := tx.q.(reserved)
	if !kept {
		return tx
	}
	open := *tx
	open.q = q.Querier
	return &open
}

func (tx *Tx) beside() *Tx {
	if tx.sharing == nil {
		return tx
	}
	s := tx.statements.beside()
	return &Tx{s, Outbox{s}, Letterbox{s}}
}

// maxLocks is how many things a transaction locks at the most: a server has room for
// some 6,400 of them all in all, unless it is told otherwise.
const maxLocks = 1024

// wanted is what updates that run together have to lock.
func wanted(jobs []*job) *engine.Want {
	w := &engine.Want{Alone: len(jobs) == 0 || jobs[0].scope == nil}
	for _, j := range jobs {
		if j.scope != nil {
			w.Locks, w.Handles = append(w.Locks, j.locks...), append(w.Handles, j.scope.Handles...)
			w.Incidents = append(w.Incidents, j.scope.Incidents...)
		}
	}
	return w
}

// narrow has a job run beside others, if what it is about is little enough.
func (j *job) narrow(s *Scope) {
	j.scope, j.locks = s, nil
	if s == nil {
		return
	}
	if len(s.Handles)+4*len(s.Incidents) > maxLocks {
		j.scope = nil
		return
	}
	for _, h := range s.Handles {
		j.locks = append(j.locks, engine.LockOf(h))
	}
}

// maxWider is how often an update is run again with a wider scope before it has the
// database for itself.
const maxWider = 2

// widen has a job that was about more run again.
func (j *job) widen(s *engine.Sharing) {
	j.again, j.wider = true, j.wider+1
	if s.Alone || j.wider > maxWider {
		j.narrow(nil)
		return
	}
	wider := *j.scope
	wider.Handles = append(slices.Clone(wider.Handles), s.Lacks...)
	j.narrow(&wider)
}

// gather returns which of the updates that wait run together now: beside others,
// or alone. The one that has waited longest decides.
func (s *Store) gather(first *job) []*job {
	if first != nil {
		s.aside = append(s.aside, first)
	}
	m := mixOf(s.aside...)
	for len(s.aside) < 2*maxBatch {
		j := s.next(m)
		if j == nil {
			break
		}
		s.aside = append(s.aside, j)
	}
	alone, locks := s.aside[0].scope == nil, 0
	var now, later []*job
	for _, j := range s.aside {
		n := len(j.locks)
		if j.scope != nil {
			n += 4 * len(j.scope.Incidents)
		}
		if (j.scope == nil) != alone || len(now) == maxBatch || len(now) > 0 && locks+n > maxLocks {
			later = append(later, j)
			continue
		}
		now, locks = append(now, j), locks+n
	}
	s.aside = later
	return now
}

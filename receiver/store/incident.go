package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/rules"
)

// ErrNotFound matches a question about something that is not there.
var ErrNotFound = errors.New("not found")

// The events that a waking brings beside a plain tick.
const (
	WakeRelated   = "related"
	WakeRefreshed = "refreshed"
)

// Record is an incident with what the shell keeps beside it.
type Record struct {
	rules.Incident
	// Blinds tells that its scenario is a source that cannot be read.
	Blinds bool
	// WakeAt is when time alone may change something, WakeWith the event that
	// it then brings; zero means never.
	WakeAt   time.Time
	WakeWith string
	// AskAt is when evidence is to be asked for; zero means never.
	AskAt time.Time
	// Outage is the id of the common incident that this one is a part of;
	// OutageMarks tells whether that changes how this one is treated.
	Outage      string
	OutageMarks bool
	// Root is the Message-ID that starts the incident's thread of mail.
	Root string

	length int64
	head   []byte
	fresh  bool            // has no row yet
	alerts map[string]bool // as stored: fingerprint, firing
	value  []byte          // as stored
	stored stored
}

// stored is what an incident's row says beside its value.
type stored struct {
	blinds, outageMarks    bool
	wakeAt, askAt          int64
	wakeWith, outage, root string
	length                 int64
}

func (r *Record) stores() stored {
	return stored{r.Blinds, r.OutageMarks, r.WakeAt.UnixNano(), r.AskAt.UnixNano(), r.WakeWith, r.Outage, r.Root, r.length}
}

// NewRecord returns the record of an incident that has no row yet.
func NewRecord(inc rules.Incident) *Record {
	return &Record{Incident: inc, fresh: true, alerts: map[string]bool{}}
}

// Head returns the length of the incident's journal and the hash of its last line.
func (r *Record) Head() (int64, []byte) { return r.length, r.head }

// Place is where an incident happens, as far as its labels tell.
type Place struct{ Customer, Machine, Platform, Host string }

// Says reports whether p says already all that q says.
func (p Place) Says(q Place) bool {
	return (q.Customer == "" || q.Customer == p.Customer) && (q.Machine == "" || q.Machine == p.Machine) &&
		(q.Platform == "" || q.Platform == p.Platform) && (q.Host == "" || q.Host == p.Host)
}

// PlaceOf reads the place from labels.
func PlaceOf(l rules.Labels) Place {
	return Place{l[rules.LabelCustomer], l[rules.LabelMachine], l[rules.LabelPlatform], l[rules.LabelHost]}
}

// Place returns where the incident happens: what its identity says, completed
// by its alerts and reports.
func (r *Record) Place() Place {
	p := PlaceOf(r.Identity)
	fill := func(l rules.Labels) {
		q := PlaceOf(l)
		for _, f := range []struct{ to, from *string }{
			{&p.Customer, &q.Customer}, {&p.Machine, &q.Machine}, {&p.Platform, &q.Platform}, {&p.Host, &q.Host},
		} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
	}
	if p.Customer != "" && p.Machine != "" && p.Platform != "" && p.Host != "" {
		return p
	}
	for _, fp := range sortedKeys(r.Alerts) {
		fill(r.Alerts[fp].Labels)
	}
	for _, s := range r.Reports {
		fill(s.Labels)
	}
	return p
}

const recordColumns = `value, blinds, wake_at, wake_with, ask_at, outage, outage_marks, root, chain_length, chain_head`

func (tx *Tx) records(where string, args ...any) ([]*Record, error) {
	rows, err := tx.q.query(`SELECT `+recordColumns+` FROM incident WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var rs []*Record
	for rows.Next() {
		r := &Record{}
		var value []byte
		var wake, ask sql.NullInt64
		if err := rows.Scan(&value, &r.Blinds, &wake, &r.WakeWith, &ask, &r.Outage, &r.OutageMarks, &r.Root, &r.length, &r.head); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if err := json.Unmarshal(value, &r.Incident); err != nil {
			return nil, fmt.Errorf("incident row: %w", err)
		}
		r.WakeAt, r.AskAt = instant(wake), instant(ask)
		r.alerts, r.value, r.stored = firing(r.Incident), value, r.stores()
		rs = append(rs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return rs, nil
}

func firing(inc rules.Incident) map[string]bool {
	m := make(map[string]bool, len(inc.Alerts))
	for fp, a := range inc.Alerts {
		m[fp] = a.Firing
	}
	return m
}

// Incident returns one incident; [ErrNotFound] when there is none.
func (tx *Tx) Incident(id string) (*Record, error) {
	rs, err := tx.records(`id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(rs) == 0 {
		return nil, fmt.Errorf("incident %q: %w", id, ErrNotFound)
	}
	return rs[0], nil
}

// Candidates returns the incidents that a signal of that key and place may
// belong to: all open ones, and those that ended after since. The key may be
// left out where it names the machine.
func (tx *Tx) Candidates(key string, p Place, since time.Time) ([]*Record, error) {
	var where []string
	var args []any
	if key != "" {
		where, args = []string{`key = ?`}, []any{key}
	}
	if p.Machine != "" {
		where, args = append(where, `(customer = ? AND machine = ? AND machine <> '')`), append(args, p.Customer, p.Machine)
	}
	if p.Platform != "" {
		where, args = append(where, `(platform = ? AND platform <> '')`), append(args, p.Platform)
	}
	if p.Host != "" {
		where, args = append(where, `(host = ? AND host <> '')`), append(args, p.Host)
	}
	return tx.records(`(`+strings.Join(where, ` OR `)+`) AND (open = 1 OR resolved_at > ?) ORDER BY number`,
		append(args, since.UnixNano())...)
}

// OnMachine returns the open incidents of a machine.
func (tx *Tx) OnMachine(customer, machine string) ([]*Record, error) {
	if machine == "" {
		return nil, nil
	}
	return tx.records(`customer = ? AND machine = ? AND machine <> '' AND open = 1 ORDER BY number`, customer, machine)
}

// Filter narrows a list of incidents; empty fields do not.
type Filter struct {
	State, Customer, Machine, Platform, Scenario, Key string
	Number                                            int
	// Ended includes the incidents that are resolved or closed.
	Ended bool
	// Limit is the most that are returned, newest first; 0 is 1,000.
	Limit int
}

// Incidents returns what a filter lets through.
func (tx *Tx) Incidents(f Filter) ([]*Record, error) {
	where, args := []string{`1 = 1`}, []any{}
	add := func(column, value string) {
		if value != "" {
			where, args = append(where, column+` = ?`), append(args, value)
		}
	}
	add("state", f.State)
	add("customer", f.Customer)
	add("machine", f.Machine)
	add("platform", f.Platform)
	add("scenario", f.Scenario)
	add("key", f.Key)
	if f.Number != 0 {
		where, args = append(where, `number = ?`), append(args, f.Number)
	}
	if !f.Ended && f.Number == 0 {
		where = append(where, `open = 1`)
	}
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	return tx.records(strings.Join(where, ` AND `)+` ORDER BY opened_at DESC, number DESC LIMIT ?`, append(args, f.Limit)...)
}

// Open returns all open incidents.
func (tx *Tx) Open() ([]*Record, error) { return tx.records(`open = 1 ORDER BY number`) }

// OpenSince returns all open incidents and those opened after since.
func (tx *Tx) OpenSince(since time.Time) ([]*Record, error) {
	return tx.records(`open = 1 OR opened_at > ? ORDER BY open DESC, number`, since.UnixNano())
}

// Lately returns the open incidents whose episode began at since or later, and
// those that are part of a common one.
func (tx *Tx) Lately(since time.Time) ([]*Record, error) {
	rs, err := tx.records(`open = 1 AND began_at >= ?`, since.UnixNano())
	if err != nil {
		return nil, err
	}
	parts, err := tx.records(`open = 1 AND outage > '' AND outage <> '' AND began_at < ?`, since.UnixNano())
	if err != nil {
		return nil, err
	}
	rs = append(rs, parts...)
	slices.SortFunc(rs, func(a, b *Record) int { return a.Number - b.Number })
	return rs, nil
}

// Blinding returns the open incidents about sources that cannot be read.
func (tx *Tx) Blinding() ([]*Record, error) {
	if tx.known != nil && tx.known.noneBlinding {
		return nil, nil
	}
	rs, err := tx.records(`blinds = 1 AND open = 1 ORDER BY number`)
	if tx.known != nil {
		tx.known.noneBlinding = err == nil && len(rs) == 0
	}
	return rs, err
}

// Common returns the open incidents that are failures common to others.
func (tx *Tx) Common() ([]*Record, error) {
	return tx.records(`entry = '` + string(rules.CorrelatedSignal) + `' AND open = 1 ORDER BY number`)
}

// MembersOf returns the incidents that are part of a common one.
func (tx *Tx) MembersOf(outage string) ([]*Record, error) {
	return tx.records(`outage = ? AND outage <> '' ORDER BY number`, outage)
}

// WithAlert returns the ids of open incidents in which an alert fires.
func (tx *Tx) WithAlert(fingerprint string) ([]string, error) {
	return tx.texts(`SELECT a.incident FROM alert a JOIN incident i ON i.id = a.incident
		WHERE a.fingerprint = ? AND a.firing = 1 AND i.open = 1`, fingerprint)
}

const anyDue = `SELECT EXISTS (SELECT 1 FROM ignored WHERE again_at <= ?) + 2 * EXISTS (SELECT 1 FROM incident WHERE wake_at <= ?)`

// AnyDue reports, with one question, whether [Tx.OfferedAgain] and [Tx.Due] have
// anything to return.
func (tx *Tx) AnyDue(now time.Time) (alerts, incidents bool, err error) {
	n, err := tx.number(anyDue, now.UnixNano(), now.UnixNano())
	return n&1 != 0, n&2 != 0, err
}

// Due returns the ids of incidents to wake at an instant, the longest overdue first.
func (tx *Tx) Due(now time.Time, limit int) ([]string, error) {
	return tx.texts(`SELECT id FROM incident WHERE wake_at <= ? ORDER BY wake_at, number LIMIT ?`, now.UnixNano(), limit)
}

// Asking returns the ids of incidents for which evidence is to be asked.
func (tx *Tx) Asking(now time.Time, limit int) ([]string, error) {
	return tx.texts(`SELECT id FROM incident WHERE ask_at <= ? ORDER BY ask_at, number LIMIT ?`, now.UnixNano(), limit)
}

// WakeSource wakes, with [rules.Related], every open incident with a firing
// alert from the source; an empty source stands for all of them.
func (tx *Tx) WakeSource(source string, now time.Time) error {
	_, err := tx.q.exec(`UPDATE incident SET wake_at = ?, wake_with = ? WHERE open = 1 AND id IN
		(SELECT incident FROM alert WHERE firing = 1 AND (source = ? OR ? = ''))`, now.UnixNano(), WakeRelated, source, source)
	return err
}

// WakeOpen wakes every open incident, with [rules.Refreshed].
func (tx *Tx) WakeOpen(now time.Time) error {
	_, err := tx.q.exec(`UPDATE incident SET wake_at = ?, wake_with = ? WHERE open = 1`, now.UnixNano(), WakeRefreshed)
	return err
}

// Postpone sets an incident's waking without looking at the incident, for one
// whose decision failed.
func (tx *Tx) Postpone(id string, until time.Time) error {
	_, err := tx.q.exec(`UPDATE incident SET
		wake_at = CASE WHEN wake_at < ? THEN ? ELSE wake_at END,
		ask_at = CASE WHEN ask_at < ? THEN ? ELSE ask_at END WHERE id = ?`,
		until.UnixNano(), until.UnixNano(), until.UnixNano(), until.UnixNano(), id)
	return err
}

// NextNumber gives out the next running number of incidents.
func (tx *Tx) NextNumber() (int, error) {
	if tx.known.number == 0 {
		n, err := tx.number(`SELECT COALESCE(MAX(number), 0) FROM incident`)
		if err != nil {
			return 0, err
		}
		tx.known.number = int(n)
	}
	tx.known.number++
	return tx.known.number, nil
}

// Save writes an incident's row and which alerts are its own; nothing when
// nothing of it has changed.
func (tx *Tx) Save(r *Record) error {
	value, err := json.Marshal(r.Incident)
	if err != nil {
		return fmt.Errorf("incident %s: %w", r.ID, err)
	}
	now := r.stores()
	if !r.fresh && now == r.stored && bytes.Equal(value, r.value) {
		return nil
	}
	p := r.Place()
	open := !r.State.Ended()
	began := r.OpenedAt
	if at := r.Raised["opening"].At; !at.IsZero() {
		began = at
	}
	args := []any{
		r.Key, r.Scenario, r.Policy, string(r.State), r.Entry, open, r.Blinds, p.Customer, p.Machine, p.Platform, p.Host,
		r.OpenedAt.UnixNano(), began.UnixNano(), nanos(r.ResolvedAt), nanos(r.WakeAt), r.WakeWith, nanos(r.AskAt), r.Outage, r.OutageMarks, r.Root,
		r.length, r.head, value,
	}
	if r.fresh {
		_, err = tx.q.exec(`INSERT INTO incident (key, scenario, policy, state, entry, open, blinds, customer, machine, platform, host,
			opened_at, began_at, resolved_at, wake_at, wake_with, ask_at, outage, outage_marks, root, chain_length, chain_head, value, id, number)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(args, r.ID, r.Number)...)
	} else {
		_, err = tx.q.exec(`UPDATE incident SET key = ?, scenario = ?, policy = ?, state = ?, entry = ?, open = ?, blinds = ?,
			customer = ?, machine = ?, platform = ?, host = ?, opened_at = ?, began_at = ?, resolved_at = ?, wake_at = ?, wake_with = ?,
			ask_at = ?, outage = ?, outage_marks = ?, root = ?, chain_length = ?, chain_head = ?, value = ? WHERE id = ?`, append(args, r.ID)...)
	}
	if err != nil {
		return err
	}
	r.fresh, r.value, r.stored = false, value, now
	if r.Blinds && open {
		tx.known.noneBlinding = false
	}
	return tx.saveAlerts(r)
}

func (tx *Tx) saveAlerts(r *Record) error {
	now := firing(r.Incident)
	var args []any
	for _, fp := range sortedKeys(now) {
		if was, known := r.alerts[fp]; !known || was != now[fp] {
			args = append(args, fp, r.ID, r.Alerts[fp].Labels[rules.LabelSource], now[fp])
		}
	}
	err := tx.insert(4, args, `INSERT INTO alert (fingerprint, incident, source, firing) VALUES `,
		` ON CONFLICT (fingerprint, incident) DO UPDATE SET firing = excluded.firing`)
	if err != nil {
		return err
	}
	for fp := range r.alerts {
		if _, still := now[fp]; !still {
			if _, err := tx.q.exec(`DELETE FROM alert WHERE fingerprint = ? AND incident = ?`, fp, r.ID); err != nil {
				return err
			}
		}
	}
	r.alerts = now
	return nil
}

// Count is how many open incidents a scenario has in a state.
type Count struct {
	Scenario, State string
	N               int
}

// Counts returns the open incidents by scenario and state.
func (tx *Tx) Counts() ([]Count, error) {
	rows, err := tx.q.query(`SELECT scenario, state, COUNT(*) FROM incident WHERE open = 1 GROUP BY scenario, state ORDER BY scenario, state`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var cs []Count
	for rows.Next() {
		var c Count
		if err := rows.Scan(&c.Scenario, &c.State, &c.N); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		cs = append(cs, c)
	}
	return cs, rows.Err()
}

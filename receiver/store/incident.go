package store

import (
	"bytes"
	"cmp"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/heard"
	"vigie/receiver/store/kept"
	"vigie/receiver/store/near"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// ErrNotFound matches a question about something that is not there.
var ErrNotFound = incidents.ErrNotFound

// Record is an incident with what is kept beside it.
type Record = incidents.Record

// Place is where an incident happens, as far as its labels tell.
type Place = incidents.Place

// row is what the store knows of a record as stored.
type row struct {
	length int64
	head   []byte
	fresh  bool              // has no row yet
	alerts map[string]string // the sources of those that fire, by fingerprint
	value  []byte            // the state as JSON
	// foreign: another build wrote into it what this one may not know.
	foreign bool
	stored  stored
}

// rowOf returns what is known of a record's row; a record that came from
// elsewhere has none yet.
func rowOf(r *Record) *row {
	known, _ := r.Row.(*row)
	if known == nil {
		known = &row{fresh: true, alerts: map[string]string{}}
		r.Row = known
	}
	return known
}

// state is the JSON of an incident for its row, with what the row has of another
// build's, and whether it is another than the row's.
func (known *row) state(inc *incident.Incident) (text []byte, changed bool, err error) {
	if text, err = kept.Encode(inc); err != nil || !known.foreign {
		return text, !bytes.Equal(text, known.value), err
	}
	amended, err := kept.Amended(known.value, text)
	if err != nil {
		return nil, false, fmt.Errorf("incident %s: %w", inc.ID, err)
	}
	if len(amended) == 0 {
		return known.value, false, nil
	}
	return amended, true, nil
}

// stored is what an incident's row says beside its value.
type stored struct {
	blinds, outageMarks    bool
	wakeAt, askAt          int64
	wakeWith, outage, root string
	length                 int64
}

func stores(r *Record) stored {
	return stored{r.Blinds, r.OutageMarks, r.WakeAt.UnixNano(), r.AskAt.UnixNano(), r.WakeWith, r.Outage, r.Root, rowOf(r).length}
}

// NewRecord returns the record of an incident that has no row yet.
func NewRecord(inc incident.Incident) *Record { return &Record{Incident: inc} }

// NewRecord returns the record of an incident that has no row yet.
func (tx *Tx) NewRecord(inc incident.Incident) *Record { return NewRecord(inc) }

// Head returns the length of an incident's journal and the hash of its last line.
func Head(r *Record) (int64, []byte) {
	known := rowOf(r)
	return known.length, known.head
}

// common is the entry of a failure common to several incidents.
const common = string(model.CorrelatedSignal)

const recordColumns = `value, blinds, wake_at, wake_with, ask_at, outage, outage_marks, root, chain_length, chain_head, seen_at`

// records returns incidents, and makes sure that nobody else changes them.
func (tx *Tx) records(where string, args ...any) (rs []*Record, err error) {
	err = tx.each(func(r *Record) error {
		rs = append(rs, r)
		return tx.lockedRecord(r, false)
	}, where, args...)
	return rs, err
}

// each shows incidents one after the other, however many they are.
func (tx *statements) each(show func(*Record) error, where string, args ...any) error {
	rows, err := tx.q.Query(`SELECT `+recordColumns+` FROM incident WHERE `+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		known := &row{}
		r := &Record{Row: known}
		var value []byte
		var wake, ask, seen sql.NullInt64
		if err := rows.Scan(&value, &r.Blinds, &wake, &r.WakeWith, &ask, &r.Outage, &r.OutageMarks, &r.Root, &known.length, &known.head, &seen); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		text, err := tx.packer.Unpack(value)
		if err == nil {
			known.foreign, err = tx.packer.Read(text, &r.Incident)
		}
		if err != nil {
			return fmt.Errorf("incident row: %w", err)
		}
		r.WakeAt, r.AskAt = instant(wake), instant(ask)
		r.SeenAgain(instant(seen))
		known.alerts, known.value, known.stored = firing(&r.Incident), text, stores(r)
		if err := show(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

func firing(inc *incident.Incident) map[string]string {
	m := make(map[string]string, len(inc.Alerts))
	for fp, a := range inc.Alerts {
		if a.Firing {
			m[fp] = a.Labels[model.LabelSource]
		}
	}
	return m
}

// Incident returns one incident; [ErrNotFound] when there is none.
func (tx *Tx) Incident(id string) (*Record, error) {
	tx = tx.beside()
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
	if err := tx.locked(incidents.Handles(key, p)...); err != nil {
		return nil, err
	}
	if tx.noneAt(incidents.Handles(key, p)...) {
		return nil, nil
	}
	tx = tx.beside()
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
	return byNumber(tx.records(`(`+strings.Join(where, ` OR `)+`) AND (open = 1 OR resolved_at > ?)`, append(args, since.UnixNano())...))
}

// byNumber puts a few incidents in order: SQLite plans anew for each question that
// it is to sort by itself.
func byNumber(rs []*Record, err error) ([]*Record, error) {
	slices.SortFunc(rs, func(a, b *Record) int { return cmp.Compare(a.Number, b.Number) })
	return rs, err
}

// OnMachine returns the open incidents of a machine, but for one.
func (tx *Tx) OnMachine(customer, machine, except string) ([]*Record, error) {
	if machine == "" {
		return nil, nil
	}
	if err := tx.locked(incidents.Handle{Kind: incidents.OfMachine, Customer: customer, Name: machine}); err != nil {
		return nil, err
	}
	if tx.noneAt(incidents.Handle{Kind: incidents.OfMachine, Customer: customer, Name: machine}) {
		return nil, nil
	}
	return byNumber(tx.beside().records(`customer = ? AND machine = ? AND machine <> '' AND open = 1 AND id <> ?`, customer, machine, except))
}

// Filter narrows a list of incidents; empty fields do not.
type Filter struct {
	State, Customer, Machine, Platform, Scenario, Key string
	Number                                            int
	// Customers are those whose incidents are meant, "" for what is no customer's; none:
	// whosever they are.
	Customers []string
	// Ended includes the incidents that are resolved or closed.
	Ended bool
	// Limit is the most that are returned, newest first; 0 is 1,000. Skip are those
	// that are passed over before.
	Limit, Skip int
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
	if len(f.Customers) > 0 {
		where = append(where, `customer IN (?`+strings.Repeat(`, ?`, len(f.Customers)-1)+`)`)
		for _, c := range f.Customers {
			args = append(args, c)
		}
	}
	if f.Number != 0 {
		where, args = append(where, `number = ?`), append(args, f.Number)
	}
	if !f.Ended && f.Number == 0 {
		where = append(where, `open = 1`)
	}
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	return tx.records(strings.Join(where, ` AND `)+` ORDER BY opened_at DESC, number DESC LIMIT ? OFFSET ?`, append(args, f.Limit, f.Skip)...)
}

// OpenWithKey returns the open incidents of a key.
func (tx *Tx) OpenWithKey(key string) ([]*Record, error) {
	return tx.records(`key = ? AND open = 1 ORDER BY number`, key)
}

// EachOpen shows all open incidents, by number. Together they may be more than
// fits into memory.
func (tx *Tx) EachOpen(show func(*Record) error) error {
	return tx.each(show, `open = 1 ORDER BY number`)
}

// EachSince shows all open incidents and then those opened after since that have ended.
func (tx *Tx) EachSince(since time.Time, show func(*Record) error) error {
	if err := tx.EachOpen(show); err != nil {
		return err
	}
	return tx.each(show, `open = 0 AND opened_at > ? ORDER BY number`, since.UnixNano())
}

// Lately shows the open incidents whose episode began at since or later, and
// those that are part of a common one.
func (tx *Tx) Lately(since time.Time, show func(*Record) error) error {
	err := tx.each(show, `open = 1 AND began_at >= ?`, since.UnixNano())
	if err != nil {
		return err
	}
	return tx.each(show, `open = 1 AND outage > '' AND outage <> '' AND began_at < ?`, since.UnixNano())
}

// Blinding returns the open incidents about sources that cannot be read; the updates of
// one commit look at the same ones.
func (tx *Tx) Blinding() ([]*Record, error) {
	if tx.known != nil && tx.known.looked {
		return tx.known.blinding, nil
	}
	// They change only while nobody else writes.
	var rs []*Record
	err := tx.beside().each(func(r *Record) error { rs = append(rs, r); return nil }, `blinds = 1 AND open = 1 ORDER BY number`)
	if tx.known != nil {
		tx.known.blinding, tx.known.looked = rs, err == nil
	}
	return rs, err
}

// Common returns the open incidents that are failures common to others.
func (tx *Tx) Common() ([]*Record, error) {
	return tx.records(`entry = '` + common + `' AND open = 1 ORDER BY number`)
}

// MembersOf returns the incidents that are part of a common one.
func (tx *Tx) MembersOf(outage string) ([]*Record, error) {
	return tx.records(`outage = ? AND outage <> '' ORDER BY number`, outage)
}

// WithAlert returns the ids of open incidents in which an alert fires.
func (tx *Tx) WithAlert(s model.Signal) ([]string, error) {
	tx = tx.beside() // where it fires, and where it is taken in, is the same place
	where, args := near.Rows(s.Fingerprint, s.Labels)
	return tx.texts(`SELECT incident FROM alert WHERE `+where+` AND EXISTS (SELECT 1 FROM incident i WHERE i.id = alert.incident AND i.open = 1)`, args...)
}

const anyDue = `SELECT CASE WHEN EXISTS (SELECT 1 FROM ignored WHERE again_at <= ?) THEN 1 ELSE 0 END
	+ CASE WHEN EXISTS (SELECT 1 FROM incident WHERE wake_at <= ?) THEN 2 ELSE 0 END`

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

// WakeSource wakes, with [incident.Related], every open incident with a firing
// alert from the source, and every one that waits for the proof of its end; an
// empty source stands for all of them.
func (tx *Tx) WakeSource(source string, now time.Time) error {
	where, args := ``, []any{now.UnixNano(), incidents.WakeRelated, string(model.Unverified)}
	if source != "" {
		where, args = ` WHERE source = ?`, append(args, source)
	}
	tx.repeats.MovedAll()
	_, err := tx.q.Exec(`UPDATE incident SET wake_at = ?, wake_with = ? WHERE open = 1 AND (state = ? OR id IN (SELECT incident FROM alert`+where+`))`, args...)
	return err
}

// OpenAfter returns the ids of the open incidents whose numbers follow after, in
// their order, and the number of the last of them.
func (tx *Tx) OpenAfter(after, limit int) (ids []string, last int, err error) {
	last = after
	ids, err = engine.All(tx.q, func(r *sql.Rows, id *string) error { return r.Scan(id, &last) },
		`SELECT id, number FROM incident WHERE open = 1 AND number > ? ORDER BY number LIMIT ?`, after, limit)
	return ids, last, err
}

// Postpone sets an incident's waking without looking at the incident, for one
// whose decision failed.
func (tx *Tx) Postpone(id string, until time.Time) error {
	tx.repeats.MovedAll()
	_, err := tx.q.Exec(`UPDATE incident SET
		wake_at = CASE WHEN wake_at < ? THEN ? ELSE wake_at END,
		ask_at = CASE WHEN ask_at < ? THEN ? ELSE ask_at END WHERE id = ?`,
		until.UnixNano(), until.UnixNano(), until.UnixNano(), until.UnixNano(), id)
	return err
}

// NextNumber gives out the next running number of incidents.
func (tx *Tx) NextNumber() (int, error) {
	if tx.numbers != nil {
		n, err := tx.numbers.Next(tx.known.opened)
		tx.known.opened++
		return n, err
	}
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
	if err := tx.lockedRecord(r, true); err != nil {
		return err
	}
	tx = tx.beside()
	known, now := rowOf(r), stores(r)
	text, changed, err := known.state(&r.Incident)
	if err != nil {
		return err
	}
	if !known.fresh && now == known.stored && !changed {
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
		known.length, known.head,
	}
	set := ""
	if changed || known.fresh {
		value, err := tx.packer.Pack(text)
		if err != nil {
			return fmt.Errorf("incident %s: %w", r.ID, err)
		}
		args, set = append(args, value), `, value = ?`
	}
	if known.fresh {
		_, err = engine.Beside(tx.q).Exec(`INSERT INTO incident (key, scenario, policy, state, entry, open, blinds, customer, machine, platform, host,
			opened_at, began_at, resolved_at, wake_at, wake_with, ask_at, outage, outage_marks, root, chain_length, chain_head, value, id, number)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(args, r.ID, r.Number)...)
	} else {
		_, err = engine.Beside(tx.q).Exec(`UPDATE incident SET key = ?, scenario = ?, policy = ?, state = ?, entry = ?, open = ?, blinds = ?,
			customer = ?, machine = ?, platform = ?, host = ?, opened_at = ?, began_at = ?, resolved_at = ?, wake_at = ?, wake_with = ?,
			ask_at = ?, outage = ?, outage_marks = ?, root = ?, chain_length = ?, chain_head = ?`+set+tx.q.Stamp()+` WHERE id = ?`, append(args, r.ID)...)
	}
	if err != nil {
		return err
	}
	if r.Blinds || known.stored.blinds {
		tx.known.looked = false
	}
	known.fresh, known.value, known.stored = false, text, now
	tx.repeats.Moved(heard.Spot{ID: r.ID, Key: r.Key, Place: p})
	if f := tx.saved; f != nil {
		tx.AfterCommit(func() { (*f)(&r.Incident) })
	}
	return tx.saveAlerts(r, firing(&r.Incident))
}

// saveAlerts keeps which alerts fire in an incident: sources by fingerprints.
func (tx *Tx) saveAlerts(r *Record, now map[string]string) error {
	known := rowOf(r)
	for fp, source := range known.alerts {
		if at, still := now[fp]; still && at == source {
			continue
		}
		l := model.Labels{model.LabelSource: source}
		if a := r.Alerts[fp]; a != nil && a.Labels[model.LabelSource] == source {
			l = a.Labels
		}
		where, args := near.Rows(fp, l)
		if _, err := tx.q.Exec(`DELETE FROM alert WHERE `+where+` AND incident = ?`, append(args, r.ID)...); err != nil {
			return err
		}
	}
	var args []any
	for _, fp := range slices.Sorted(maps.Keys(now)) {
		if source, stored := known.alerts[fp]; !stored || source != now[fp] {
			args = append(args, now[fp], near.Of(fp, r.Alerts[fp].Labels), fp, r.ID)
		}
	}
	known.alerts = now
	return engine.Later(tx.q, 4, args, `INSERT INTO alert (source, place, fingerprint, incident) VALUES `, ` ON CONFLICT DO NOTHING`, false)
}

// unpacked is pairs of ids and of the JSON that their rows hold.
func (tx *statements) unpacked(query string, args ...any) ([][2]string, error) {
	rows, err := tx.pairs(query, args...)
	if err != nil {
		return nil, err
	}
	for n := range rows {
		text, err := tx.packer.Unpack([]byte(rows[n][1]))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rows[n][0], err)
		}
		rows[n][1] = string(text)
	}
	return rows, nil
}

// Count is how many open incidents a scenario has in a state, and when the oldest
// of them was opened.
type Count struct {
	Scenario, State string
	N               int
	Oldest          time.Time
}

// Counts returns the open incidents by scenario and state.
func (tx *Tx) Counts() ([]Count, error) {
	return engine.All(tx.q, func(r *sql.Rows, c *Count) error {
		var oldest int64
		err := r.Scan(&c.Scenario, &c.State, &c.N, &oldest)
		c.Oldest = time.Unix(0, oldest)
		return err
	}, `SELECT scenario, state, COUNT(*), MIN(opened_at) FROM incident WHERE open = 1 GROUP BY scenario, state ORDER BY scenario, state`)
}

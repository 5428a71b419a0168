package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/journal"
	"vigie/rules/incident"
)

// Erasure is what became of a person's traces.
type Erasure struct {
	// Pseudonym stands for the person from now on.
	Pseudonym string `json:"pseudonym"`
	// Texts and Messages were deleted with their salts; Incidents, Notifications
	// and Transmissions now have the pseudonym in place of the person.
	Texts         int `json:"texts"`
	Messages      int `json:"messages"`
	Incidents     int `json:"incidents"`
	Notifications int `json:"notifications"`
	Transmissions int `json:"transmissions"`
	// Reasons is how many lines still name the person in their reason. It is
	// hashed: they stay as long as the line.
	Reasons int `json:"reasons_left"`
}

// eraser takes one person out of the database.
type eraser struct {
	tx    *Tx
	names *regexp.Regexp
	done  Erasure
	// known are the pseudonyms under which the person acted.
	known []string
}

// Erase deletes a person's texts, and puts a pseudonym wherever a record must
// stay. names are all words by which the person is known: id, name, address,
// phone. It refuses while something that is not over yet needs the person.
func (tx *Tx) Erase(names []string, now time.Time) (Erasure, error) {
	re, err := matcher(names)
	if err != nil {
		return Erasure{}, err
	}
	e := &eraser{tx: tx, names: re}
	for _, step := range []func() error{e.refuse, e.actor, e.texts, e.messages, e.outbox, e.incidents, e.reasons} {
		if err := step(); err != nil {
			return Erasure{}, err
		}
	}
	return e.done, tx.AppendSystem(incident.Entry{At: now, Kind: "note", What: "erasure", Reason: fmt.Sprintf(
		"a person was erased and is %s from now on: %d texts, %d messages", e.done.Pseudonym, e.done.Texts, e.done.Messages)})
}

// matcher finds names as whole words, in any case.
func matcher(names []string) (*regexp.Regexp, error) {
	var quoted []string
	for _, n := range names {
		if n = strings.TrimSpace(n); len(n) < 2 || strings.HasPrefix(n, "p-") {
			return nil, fmt.Errorf("%q cannot stand for a person: give words of two letters or more, and no pseudonym", n)
		}
		quoted = append(quoted, regexp.QuoteMeta(n))
	}
	if len(quoted) == 0 {
		return nil, errors.New("name the person by at least one word")
	}
	slices.SortFunc(quoted, func(a, b string) int { return len(b) - len(a) }) // the longest first, or its rest would stay
	return regexp.Compile(`(?i)(^|[^\pL\pN_])(?:` + strings.Join(quoted, "|") + `)($|[^\pL\pN_])`)
}

// refuse looks for what still needs the person.
func (e *eraser) refuse() error {
	var needed []string
	for _, q := range []struct{ what, query string }{
		{"open incident", `SELECT id, value FROM incident WHERE open = 1 ORDER BY number`},
		{"message not sent yet about", `SELECT incident, value FROM notification WHERE message = '' ORDER BY incident`},
		{"message under way", `SELECT id, value FROM message WHERE length(value) > 0 AND id IN (SELECT message FROM transmission WHERE next_at IS NOT NULL) ORDER BY id`},
	} {
		rows, err := e.tx.unpacked(q.query)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if e.within(r[1]) {
				needed = append(needed, q.what+" "+r[0])
			}
		}
	}
	const shown = 10
	if n := len(needed); n > 0 {
		return fmt.Errorf("%d things that are not over name this person (%s): end or reassign them first",
			n, strings.Join(needed[:min(n, shown)], ", "))
	}
	return nil
}

func (e *eraser) actor() error {
	rows, err := e.tx.pairs(`SELECT pseudonym, name FROM person ORDER BY pseudonym`)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !e.names.MatchString(r[1]) {
			continue
		}
		e.known = append(e.known, r[0])
		if _, err := e.tx.q.Exec(`DELETE FROM person WHERE pseudonym = ?`, r[0]); err != nil {
			return err
		}
	}
	e.done.Pseudonym = newPseudonym()
	if len(e.known) > 0 {
		e.done.Pseudonym = e.known[0]
	}
	return nil
}

// texts deletes what the person wrote and what names them.
func (e *eraser) texts() error {
	type text struct {
		journal.Head
		said, actor string
	}
	all, err := engine.All(e.tx.q, func(r *sql.Rows, t *text) error { return r.Scan(&t.Chain, &t.Length, &t.said, &t.actor) },
		`SELECT p.chain, p.line, p.text, j.actor FROM journal_personal p JOIN journal j ON j.chain = p.chain AND j.line = p.line`)
	if err != nil {
		return err
	}
	found := slices.DeleteFunc(all, func(t text) bool { return !slices.Contains(e.known, t.actor) && !e.names.MatchString(t.said) })
	for _, h := range found {
		if _, err := e.tx.q.Exec(`DELETE FROM journal_personal WHERE chain = ? AND line = ?`, h.Chain, h.Length); err != nil {
			return err
		}
	}
	e.done.Texts = len(found)
	return nil
}

// messages deletes messages to the person, or that speak of them; that they
// were sent, and under which Message-ID, stays.
func (e *eraser) messages() error {
	return e.rewrite(`SELECT id, value FROM message WHERE salt IS NOT NULL OR length(value) > 0`, &e.done.Messages, func(id, _ string) error {
		_, err := e.tx.q.Exec(`UPDATE message SET value = ?, salt = NULL WHERE id = ?`, []byte{}, id)
		return err
	})
}

func (e *eraser) outbox() error {
	err := e.rewrite(`SELECT id, value FROM notification`, &e.done.Notifications, func(id, value string) error {
		clean, err := e.scrubJSON(value)
		if err == nil {
			clean, err = e.tx.packer.PackMail(clean)
		}
		if err != nil {
			return fmt.Errorf("notification %s: %w", id, err)
		}
		_, err = e.tx.q.Exec(`UPDATE notification SET value = ? WHERE id = ?`, clean, id)
		return err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(e.ignored(), e.mails()); err != nil {
		return err
	}
	rows, err := e.tx.pairs(`SELECT message, address FROM transmission ORDER BY message, address`)
	if err != nil {
		return err
	}
	for n, r := range rows {
		if !e.names.MatchString(r[1]) {
			continue
		}
		e.done.Transmissions++
		if _, err := e.tx.q.Exec(`UPDATE transmission SET address = ?, detail = '' WHERE message = ? AND address = ?`,
			fmt.Sprintf("%s/%d", e.done.Pseudonym, n), r[0], r[1]); err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) mails() error {
	n := 0
	return e.rewrite(`SELECT id, value FROM mail`, &n, func(id, value string) error {
		clean, err := e.scrubJSON(value)
		if err != nil {
			return fmt.Errorf("mail %s: %w", id, err)
		}
		_, err = e.tx.q.Exec(`UPDATE mail SET value = ? WHERE id = ?`, clean, id)
		return err
	})
}

func (e *eraser) ignored() error {
	n := 0
	return e.rewrite(`SELECT fingerprint, value FROM ignored`, &n, func(id, value string) error {
		clean, err := e.scrubJSON(value)
		if err != nil {
			return fmt.Errorf("ignored alert %s: %w", id, err)
		}
		_, err = e.tx.q.Exec(`UPDATE ignored SET value = ? WHERE fingerprint = ?`, clean, id)
		return err
	})
}

func (e *eraser) incidents() error {
	e.tx.repeats.MovedAll()
	return e.rewrite(`SELECT id, value FROM incident WHERE open = 0`, &e.done.Incidents, func(id, value string) error {
		clean, err := e.scrubJSON(value)
		if err == nil {
			clean, err = e.tx.packer.Pack(clean)
		}
		if err != nil {
			return fmt.Errorf("incident %s: %w", id, err)
		}
		_, err = e.tx.q.Exec(`UPDATE incident SET value = ? WHERE id = ?`, clean, id)
		return err
	})
}

func (e *eraser) reasons() error {
	reasons, err := e.tx.texts(`SELECT reason FROM journal`)
	for _, r := range reasons {
		if e.names.MatchString(r) {
			e.done.Reasons++
		}
	}
	return err
}

// rewrite calls f with the rows whose second column names the person.
func (e *eraser) rewrite(query string, count *int, f func(id, value string) error) error {
	rows, err := e.tx.unpacked(query)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !e.within(r[1]) {
			continue
		}
		*count++
		if err := f(r[0], r[1]); err != nil {
			return err
		}
	}
	return nil
}

// within tells whether a JSON value names the person; escapes would hide where
// a word begins.
func (e *eraser) within(text string) bool {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return e.names.MatchString(text)
	}
	return e.named(v)
}

func (e *eraser) named(v any) bool {
	switch v := v.(type) {
	case string:
		return e.names.MatchString(v)
	case []any:
		return slices.ContainsFunc(v, e.named)
	case map[string]any:
		for k, x := range v {
			if e.names.MatchString(k) || e.named(x) {
				return true
			}
		}
	}
	return false
}

func (e *eraser) scrub(s string) string {
	for range 2 { // neighbours share the character between them
		s = e.names.ReplaceAllString(s, "${1}"+e.done.Pseudonym+"${2}")
	}
	return s
}

// scrubJSON puts the pseudonym in place of the person in every string.
func (e *eraser) scrubJSON(text string) ([]byte, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := json.NewEncoder(&b).Encode(e.scrubbed(v))
	return bytes.TrimSpace(b.Bytes()), err
}

func (e *eraser) scrubbed(v any) any {
	switch v := v.(type) {
	case string:
		return e.scrub(v)
	case []any:
		for i := range v {
			v[i] = e.scrubbed(v[i])
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			x := e.scrubbed(v[k])
			delete(v, k)
			v[e.scrub(k)] = x
		}
	}
	return v
}

func (tx *statements) pairs(query string, args ...any) ([][2]string, error) {
	return engine.All(tx.q, func(r *sql.Rows, p *[2]string) error { return r.Scan(&p[0], &p[1]) }, query, args...)
}

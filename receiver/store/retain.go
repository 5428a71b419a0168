package store

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/journal"
	"vigie/rules/incident"
)

// sealsPerCut bounds one cut, and with it how long others wait for the writer.
const sealsPerCut = 20

// Cut is what one step of retention did.
type Cut struct {
	// Seal is the one at which the journal was cut; number 0 when nothing was
	// old enough.
	Seal                          Seal
	Incidents, Payloads, Messages int
}

// cutter deletes what only seals up to one of them know.
type cutter struct {
	tx     *Tx
	upto   int64
	newest int64 // the highest number of an incident; it must not be given out twice
	cut    Cut
}

// Retain cuts the journal at a seal made before an instant: incidents that
// ended and of which nothing was written since are deleted whole, with their
// messages; what goes on keeps its chain and is sealed anew. A call goes a
// bounded way; call it again while it cuts.
func (tx *Tx) Retain(before, now time.Time) (Cut, error) {
	c := cutter{tx: tx}
	var err error
	if c.upto, err = tx.cutTo(before); err != nil || c.upto == 0 {
		return Cut{}, err
	}
	if c.newest, err = tx.number(`SELECT MAX(number) FROM incident`); err != nil {
		return Cut{}, err
	}
	if err := tx.journal().EachSeal(`WHERE number = ?`, func(s Seal) { c.cut.Seal = s }, c.upto); err != nil {
		return Cut{}, err
	}
	for _, step := range []func() error{c.incidents, c.payloads, c.messages, c.system, c.seals} {
		if err := step(); err != nil {
			return Cut{}, err
		}
	}
	return c.cut, tx.AppendSystem(incident.Entry{At: now, Kind: "note", What: "retention", Reason: fmt.Sprintf(
		"deleted what ended before %s: %d incidents, %d payloads, %d messages; the seals go on from %s",
		before.UTC().Format(time.RFC3339), c.cut.Incidents, c.cut.Payloads, c.cut.Messages, c.cut.Seal)})
}

// cutTo returns the seal to cut at; 0 for none. The newest seal always stays,
// and after a clock that went back, so does all that follows the first younger one.
func (tx *Tx) cutTo(before time.Time) (int64, error) {
	first, err := tx.number(`SELECT MIN(number) FROM seal`)
	if err != nil || first == 0 {
		return 0, err
	}
	newest, err := tx.number(`SELECT MAX(number) FROM seal`)
	if err != nil {
		return 0, err
	}
	young, err := tx.number(`SELECT MIN(number) FROM seal WHERE at >= ?`, before.UnixNano())
	if err != nil {
		return 0, err
	}
	upto := min(cmp.Or(young, newest)-1, newest-1, first+sealsPerCut-1)
	if upto < first {
		return 0, nil
	}
	return upto, nil
}

// last returns the chains, of one sort, of which nothing was written after the cut.
func (c *cutter) last(where string) ([]string, error) {
	return c.tx.texts(`SELECT DISTINCT h.chain FROM seal_head h WHERE h.seal <= ? AND `+where+`
		AND NOT EXISTS (SELECT 1 FROM seal_head l WHERE l.chain = h.chain AND l.seal > ?)
		AND NOT EXISTS (SELECT 1 FROM unsealed u WHERE u.chain = h.chain) ORDER BY h.chain`, c.upto, c.upto)
}

// again puts a chain that stays down for the next seal.
func (c *cutter) again(chain string) error {
	hs, err := c.tx.journal().Heads(`SELECT chain, length, head FROM seal_head WHERE chain = ? ORDER BY seal DESC LIMIT 1`, chain)
	for _, h := range hs {
		err = c.tx.unseal(h.Chain, h.Length, h.Hash)
	}
	return err
}

func (c *cutter) all(statements []string, args ...any) error {
	for _, s := range statements {
		if _, err := c.tx.q.Exec(s, args...); err != nil {
			return err
		}
	}
	return nil
}

func (c *cutter) incidents() error {
	chains, err := c.last(`h.chain NOT LIKE '%/%' AND h.chain <> '` + journal.System + `'`)
	if err != nil {
		return err
	}
	for _, id := range chains {
		n, err := c.tx.number(`SELECT COUNT(*) FROM incident i WHERE id = ? AND open = 0 AND number < ? AND NOT EXISTS
			(SELECT 1 FROM incident m WHERE m.outage = i.id AND m.outage <> '' AND m.open = 1)
			AND NOT EXISTS (SELECT 1 FROM notification n WHERE n.incident = i.id AND (n.message = '' OR EXISTS
				(SELECT 1 FROM transmission t WHERE t.message = n.message AND t.next_at IS NOT NULL)))`, id, c.newest)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := c.again(id); err != nil {
				return err
			}
			continue
		}
		c.cut.Incidents++
		told, err := c.tx.texts(`SELECT DISTINCT message FROM notification WHERE incident = ? AND message <> ''`, id)
		r, missing := c.tx.Incident(id)
		if err := errors.Join(err, missing); err != nil {
			return err
		}
		err = errors.Join(c.tx.saveAlerts(r, nil), c.all([]string{
			`DELETE FROM journal_personal WHERE chain = ?`, `DELETE FROM journal WHERE chain = ?`,
			`DELETE FROM notification WHERE incident = ?`, `DELETE FROM incident WHERE id = ?`,
		}, id))
		if err != nil {
			return err
		}
		for _, m := range told {
			if _, err := c.message(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// message deletes a message when no incident is left that it told of.
func (c *cutter) message(id string) (bool, error) {
	n, err := c.tx.number(`SELECT COUNT(*) FROM notification WHERE message = ? AND message <> ''`, id)
	if err != nil || n > 0 {
		return false, err
	}
	there, err := c.tx.number(`SELECT COUNT(*) FROM message WHERE id = ?`, id)
	if err != nil {
		return false, err
	}
	c.cut.Messages += int(there)
	return true, c.all([]string{`DELETE FROM transmission WHERE message = ?`, `DELETE FROM message WHERE id = ?`}, id)
}

func (c *cutter) payloads() error {
	chains, err := c.last(`h.chain LIKE '` + journal.Payload + `%'`)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		names, err := engine.Column[[]byte](c.tx.q, `SELECT head FROM seal_head WHERE chain = ? ORDER BY seal DESC LIMIT 1`, chain)
		if err != nil {
			return err
		}
		if _, err := c.tx.q.Exec(`DELETE FROM delivery WHERE sha256 = ?`, names[0]); err != nil {
			return err
		}
		c.cut.Payloads++
	}
	return nil
}

func (c *cutter) messages() error {
	chains, err := c.last(`h.chain LIKE '` + journal.Message + `%'`)
	if err != nil {
		return err
	}
	for _, chain := range chains {
		gone, err := c.message(strings.TrimPrefix(chain, journal.Message))
		if err == nil && !gone {
			err = c.again(chain)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cutter) system() error {
	hs, err := c.tx.journal().Heads(`SELECT chain, length, head FROM seal_head WHERE chain = ? AND seal <= ? ORDER BY seal DESC LIMIT 1`, journal.System, c.upto)
	if err != nil || len(hs) == 0 {
		return err
	}
	for _, s := range []string{`DELETE FROM journal_personal WHERE chain = ? AND line <= ?`, `DELETE FROM journal WHERE chain = ? AND line <= ?`} {
		if _, err := c.tx.q.Exec(s, journal.System, hs[0].Length); err != nil {
			return err
		}
	}
	return c.mark(hs[0])
}

func (c *cutter) seals() error {
	if err := c.all([]string{`DELETE FROM seal_head WHERE seal <= ?`, `DELETE FROM seal WHERE number <= ?`}, c.upto); err != nil {
		return err
	}
	if err := c.all([]string{`DELETE FROM person WHERE NOT EXISTS (SELECT 1 FROM journal WHERE actor = pseudonym AND actor <> '')`}); err != nil {
		return err
	}
	return c.mark(journal.Head{Chain: journal.Seals, Length: c.cut.Seal.Number, Hash: c.cut.Seal.Hash})
}

func (c *cutter) mark(h journal.Head) error {
	_, err := c.tx.q.Exec(`INSERT INTO cut (chain, line, hash) VALUES (?, ?, ?)
		ON CONFLICT (chain) DO UPDATE SET line = excluded.line, hash = excluded.hash`, h.Chain, h.Length, h.Hash)
	return err
}

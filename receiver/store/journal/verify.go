package journal

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"vigie/receiver/store/engine"
)

// maxFaults bounds what one verification lists; a chain counts once.
const maxFaults = 100

// Fault is the first place at which a chain, or a seal, is not what was written.
type Fault struct {
	// Chain is the id of an incident, "system", "seals", or a payload or message.
	Chain string `json:"chain"`
	// Line is the line of the chain, or the number of the seal.
	Line int64  `json:"line"`
	What string `json:"what"`
}

func (f Fault) String() string { return fmt.Sprintf("%s line %d: %s", f.Chain, f.Line, f.What) }

// Verification is what an examination of the whole journal found.
type Verification struct {
	Lines    int `json:"lines"`
	Chains   int `json:"chains"`
	Payloads int `json:"payloads"`
	Messages int `json:"messages"`
	Seals    int `json:"seals"`
	// Erased are texts and messages of which only the commitment is left.
	Erased int `json:"erased"`
	// Latest is the newest seal, in the form that people keep.
	Latest string `json:"latest_seal,omitempty"`
	// Cut is the seal at which retention has cut last; 0 without any.
	Cut    int64   `json:"cut_at_seal,omitempty"`
	Faults []Fault `json:"faults"`
	// More tells that there are faults beyond those listed.
	More bool `json:"more_faults,omitempty"`
}

// verifier examines the journal in one view of the data.
type verifier struct {
	t Tables
	v *Verification
	// ends are the chains' lengths and heads as kept beside the journal.
	ends map[string]Head
	// sealed is up to which line the newest seal of a chain goes.
	sealed map[string]int64
	// whole are the payloads and messages that are what was put down; nil stands
	// for one that was erased.
	whole map[string][]byte
}

// Verify examines every line, payload, message and seal. Seals that were kept
// elsewhere show whether the end was cut off, or everything written anew.
func (t Tables) Verify(kept ...Seal) (*Verification, error) {
	f := &verifier{t: t, v: &Verification{Faults: []Fault{}}, ends: map[string]Head{}, sealed: map[string]int64{}, whole: map[string][]byte{}}
	for _, step := range []func() error{f.ending, f.lines, f.payloads, f.messages, f.seals, f.unsealed} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	for _, s := range kept {
		if err := f.witness(s); err != nil {
			return nil, err
		}
	}
	return f.v, nil
}

func (f *verifier) fault(chain string, line int64, format string, args ...any) {
	if len(f.v.Faults) == maxFaults {
		f.v.More = true
		return
	}
	f.v.Faults = append(f.v.Faults, Fault{chain, line, fmt.Sprintf(format, args...)})
}

func (f *verifier) ending() error {
	heads, err := f.t.Heads(`SELECT id, chain_length, chain_head FROM incident WHERE chain_length > 0
		UNION ALL SELECT name, length, head FROM chain`)
	for _, h := range heads {
		f.ends[h.Chain] = h
	}
	return err
}

// lines follows each chain; the first line that does not fit is named, and the
// rest of that chain passed over.
func (f *verifier) lines() error {
	base, err := f.t.CutAt(System)
	if err != nil {
		return err
	}
	rows, err := f.t.Query(`SELECT ` + columns + ` ORDER BY j.chain, j.line`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var at Head
	broken := false
	for rows.Next() {
		l, salt, err := Scan(rows)
		if l.Chain != at.Chain {
			f.endOf(at, broken)
			at, broken = Head{Chain: l.Chain}, false
			if l.Chain == System {
				at = base
			}
			f.v.Chains++
		}
		f.v.Lines++
		if broken {
			continue
		}
		what := ""
		if err != nil {
			what = fmt.Sprintf("cannot be read: %v", err)
		} else {
			what = f.misfit(at, l, salt)
		}
		if what != "" {
			broken = true
			f.fault(l.Chain, at.Length+1, "%s", what)
			continue
		}
		at.Length, at.Hash = l.Line, l.Hash
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	f.endOf(at, broken)
	for _, chain := range slices.Sorted(maps.Keys(f.ends)) {
		h := f.ends[chain]
		if chain == System && h.Length == base.Length && bytes.Equal(h.Hash, base.Hash) {
			continue
		}
		f.fault(chain, 1, "the whole chain is missing; it had %d lines", h.Length)
	}
	return nil
}

func (f *verifier) misfit(at Head, l Line, salt []byte) string {
	switch {
	case l.Line != at.Length+1:
		return fmt.Sprintf("is missing; line %d comes next", l.Line)
	case !bytes.Equal(l.Previous, at.Hash):
		return "does not follow from the line before it"
	case !bytes.Equal(l.Hash, l.Sum()):
		return "was changed: its content does not have its hash"
	case salt != nil && !bytes.Equal(l.Commitment, Commit(salt, l.Personal)):
		return "its personal text was changed"
	case salt == nil && l.Commitment != nil:
		f.v.Erased++
	}
	return ""
}

// endOf compares where a chain ended with where it should.
func (f *verifier) endOf(at Head, broken bool) {
	if at.Chain == "" {
		return
	}
	h, known := f.ends[at.Chain]
	delete(f.ends, at.Chain)
	switch {
	case broken:
	case !known:
		f.fault(at.Chain, at.Length, "belongs to no incident")
	case at.Length < h.Length:
		f.fault(at.Chain, at.Length+1, "is missing: the tail was cut, the chain had %d lines", h.Length)
	case at.Length > h.Length || !bytes.Equal(at.Hash, h.Hash):
		f.fault(at.Chain, h.Length, "is not the end that is kept beside the journal")
	}
}

// maxBody bounds what a stored delivery may unpack to; far more than the
// receiver takes in.
const maxBody = 256 << 20

func (f *verifier) payloads() error {
	return engine.Each(f.t, func(r *sql.Rows) error {
		var name, packed []byte
		if err := r.Scan(&name, &packed); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
		}
		f.v.Payloads++
		chain := Payload + hex.EncodeToString(name)
		h := sha256.New()
		if _, err := io.Copy(h, io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxBody)); err != nil || !bytes.Equal(h.Sum(nil), name) {
			f.fault(chain, 1, "was changed: its content does not have its hash")
		}
		f.whole[chain] = name
		return nil
	}, `SELECT sha256, body FROM delivery`)
}

func (f *verifier) messages() error {
	return engine.Each(f.t, func(r *sql.Rows) error {
		var id string
		var value, salt []byte
		if err := r.Scan(&id, &value, &salt); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
		}
		f.v.Messages++
		f.whole[Message+id] = nil
		if salt == nil {
			if len(value) == 0 {
				f.v.Erased++
			}
			return nil
		}
		text, err := f.t.Unpack(value)
		if err != nil {
			f.fault(Message+id, 1, "was changed: it cannot be read: %v", err)
			return nil
		}
		f.whole[Message+id] = Commit(salt, string(text))
		return nil
	}, `SELECT id, value, salt FROM message`)
}

// seals follows the chain of seals and looks up what each of them saw.
func (f *verifier) seals() error {
	at, err := f.t.CutAt(Seals)
	if err != nil {
		return err
	}
	f.v.Cut = at.Length
	var all []Seal
	if err := f.t.EachSeal(`ORDER BY number`, func(s Seal) { all = append(all, s) }); err != nil {
		return err
	}
	for _, s := range all {
		heads, err := f.t.Heads(`SELECT chain, length, head FROM seal_head WHERE seal = ?`, s.Number)
		if err != nil {
			return err
		}
		f.v.Seals++
		switch {
		case s.Number != at.Length+1:
			f.fault(Seals, at.Length+1, "is missing; seal %d comes next", s.Number)
			return nil
		case !bytes.Equal(s.Previous, at.Hash):
			f.fault(Seals, s.Number, "does not follow from the seal before it")
			return nil
		case !bytes.Equal(s.Hash, s.sum(heads)):
			f.fault(Seals, s.Number, "is wrong: it does not have its hash")
			return nil
		}
		at.Length, at.Hash, f.v.Latest = s.Number, s.Hash, s.String()
		for _, h := range heads {
			if err := f.saw(s, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// saw compares a head that a seal covers with what is there now.
func (f *verifier) saw(s Seal, h Head) error {
	if h.Length < f.sealed[h.Chain] {
		f.fault(h.Chain, h.Length, "seal %d saw less than a seal before it", s.Number)
	}
	f.sealed[h.Chain] = h.Length
	if strings.HasPrefix(h.Chain, Payload) || strings.HasPrefix(h.Chain, Message) {
		now, there := f.whole[h.Chain]
		if !there {
			// The text of a message goes with the incidents that it told of.
			id, message := strings.CutPrefix(h.Chain, Message)
			told, err := engine.Number(f.t, `SELECT COUNT(*) FROM notification WHERE message = ? AND message <> ''`, id)
			if err != nil || message && told == 0 {
				f.v.Erased++
				return err
			}
		}
		switch {
		case !there:
			f.fault(h.Chain, 1, "is missing; seal %d saw it", s.Number)
		case now != nil && !bytes.Equal(now, h.Hash):
			f.fault(h.Chain, 1, "is not what seal %d saw", s.Number)
		}
		return nil
	}
	base, err := f.t.CutAt(h.Chain)
	if err != nil || h.Length < base.Length {
		return err
	}
	now := [][]byte{base.Hash}
	if h.Length > base.Length {
		if now, err = engine.Column[[]byte](f.t, `SELECT hash FROM journal WHERE chain = ? AND line = ?`, h.Chain, h.Length); err != nil {
			return err
		}
	}
	switch {
	case len(now) == 0:
		f.fault(h.Chain, h.Length, "is missing; seal %d saw it: the tail was cut", s.Number)
	case !bytes.Equal(now[0], h.Hash):
		f.fault(h.Chain, h.Length, "is not what seal %d saw", s.Number)
	}
	return nil
}

// unsealed looks for what neither a seal covers nor waits for one.
func (f *verifier) unsealed() error {
	waiting, err := f.t.Heads(`SELECT chain, length, head FROM unsealed`)
	if err != nil {
		return err
	}
	came, _, err := f.t.arrived(math.MaxInt32)
	if err != nil {
		return err
	}
	for _, h := range append(waiting, came...) {
		f.sealed[h.Chain] = h.Length
	}
	ends, err := f.t.Heads(`SELECT id, chain_length, chain_head FROM incident WHERE chain_length > 0
		UNION ALL SELECT name, length, head FROM chain ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, h := range ends {
		if n := f.sealed[h.Chain]; n < h.Length {
			f.fault(h.Chain, n+1, "and what follows is neither sealed nor waits for a seal")
		}
	}
	for _, chain := range slices.Sorted(maps.Keys(f.whole)) {
		if f.sealed[chain] == 0 && f.whole[chain] != nil {
			f.fault(chain, 1, "is neither sealed nor waits for a seal")
		}
	}
	return nil
}

// witness compares a seal that was kept elsewhere with the one of its number.
func (f *verifier) witness(kept Seal) error {
	cut, err := f.t.CutAt(Seals)
	if err != nil {
		return err
	}
	if kept.Number < cut.Length {
		f.fault(Seals, kept.Number, "cannot be compared: retention has cut at seal %d", f.v.Cut)
		return nil
	}
	var found *Seal
	if kept.Number == cut.Length {
		found = &Seal{Hash: cut.Hash}
	}
	if err := f.t.EachSeal(`WHERE number = ?`, func(s Seal) { found = &s }, kept.Number); err != nil {
		return err
	}
	switch {
	case found == nil:
		f.fault(Seals, kept.Number, "is missing, though it was told: the tail was cut, or an older backup was restored")
	case !bytes.Equal(found.Hash, kept.Hash):
		f.fault(Seals, kept.Number, "is not the one that was told: the journal was written anew")
	}
	return nil
}

package journal

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/store/engine"
)

// What a seal covers beside the journal's chains: deliveries as received and
// messages as sent, each a chain of one line.
const (
	Payload = "payload/"
	Message = "message/"
	// Seals is the chain of the seals themselves.
	Seals = "seals"
)

// HeadsPerSeal is the most that one seal covers; it bounds how long others wait
// for the writer.
const HeadsPerSeal = 5000

// Seal binds the heads of all chains that grew since the seal before it. A seal
// that has left the machine proves what the journal held then.
type Seal struct {
	Number   int64     `json:"number"`
	At       time.Time `json:"at"`
	Previous []byte    `json:"previous,omitempty"`
	Hash     []byte    `json:"hash"`
	// Chains is how many heads it covers; set by [Tables.Seal] alone.
	Chains int `json:"chains,omitempty"`
}

// String is the form in which people keep a seal: its number and its hash.
func (s Seal) String() string { return fmt.Sprintf("%d:%x", s.Number, s.Hash) }

// ParseSeal reads what [Seal.String] writes.
func ParseSeal(text string) (Seal, error) {
	number, sum, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	h, bad := hex.DecodeString(sum)
	if err != nil || bad != nil || n < 1 || len(h) != 32 {
		return Seal{}, fmt.Errorf("seal %q: write the number, a colon and 64 hexadecimal digits, as it was told", text)
	}
	return Seal{Number: n, Hash: h}, nil
}

// Head is the end of a chain: how many lines it has, and the hash of the last.
type Head struct {
	Chain  string
	Length int64
	Hash   []byte
}

// sum computes the seal's hash over itself, the seal before it and the heads.
func (s Seal) sum(heads []Head) []byte {
	slices.SortFunc(heads, func(a, b Head) int { return strings.Compare(a.Chain, b.Chain) })
	h := newSum("vigie seal 1")
	h.number(s.Number)
	h.number(s.At.UnixNano())
	h.field(s.Previous)
	for _, x := range heads {
		h.text(x.Chain)
		h.number(x.Length)
		h.field(x.Hash)
	}
	return h.hash()
}

// Heads reads rows of a chain, a length and a hash.
func (t Tables) Heads(query string, args ...any) ([]Head, error) {
	return engine.All(t, func(r *sql.Rows, h *Head) error { return r.Scan(&h.Chain, &h.Length, &h.Hash) }, query, args...)
}

// LatestSeal returns the newest seal, and false before the first.
func (t Tables) LatestSeal() (Seal, bool, error) {
	var s Seal
	found := false
	err := t.EachSeal(`ORDER BY number DESC LIMIT 1`, func(latest Seal) { s, found = latest, true })
	return s, found, err
}

// EachSeal shows the seals for which the rest of a question holds.
func (t Tables) EachSeal(where string, f func(Seal), args ...any) error {
	return engine.Each(t, func(r *sql.Rows) error {
		var s Seal
		var at int64
		if err := r.Scan(&s.Number, &at, &s.Previous, &s.Hash); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
		}
		s.At = time.Unix(0, at).UTC()
		f(s)
		return nil
	}, `SELECT number, at, previous, hash FROM seal `+where, args...)
}

// Seal seals what grew since the last seal. It returns false when
// nothing did; a seal of [HeadsPerSeal] chains may have left some for a further call.
func (t Tables) Seal(now time.Time) (Seal, bool, error) {
	heads, err := t.Heads(`SELECT chain, length, head FROM unsealed ORDER BY chain LIMIT ?`, HeadsPerSeal)
	if err != nil {
		return Seal{}, false, err
	}
	came, numbers, err := t.arrived(HeadsPerSeal - len(heads))
	if heads = append(heads, came...); err != nil || len(heads) == 0 {
		return Seal{}, false, err
	}
	last, _, err := t.LatestSeal()
	if err != nil {
		return Seal{}, false, err
	}
	s := Seal{Number: last.Number + 1, At: now, Previous: last.Hash, Chains: len(heads)}
	s.Hash = s.sum(heads)
	for _, x := range heads {
		if _, err := t.Exec(`INSERT INTO seal_head (seal, chain, length, head) VALUES (?, ?, ?, ?)`, s.Number, x.Chain, x.Length, x.Hash); err != nil {
			return Seal{}, false, err
		}
		if _, err := t.Exec(`DELETE FROM unsealed WHERE chain = ?`, x.Chain); err != nil {
			return Seal{}, false, err
		}
	}
	for _, n := range numbers {
		if _, err := t.Exec(`DELETE FROM arrived WHERE number = ?`, n); err != nil {
			return Seal{}, false, err
		}
	}
	_, err = t.Exec(`INSERT INTO seal (number, at, previous, hash) VALUES (?, ?, ?, ?)`, s.Number, s.At.UnixNano(), s.Previous, s.Hash)
	return s, err == nil, err
}

// arrived returns the first deliveries that wait for a seal, and their numbers.
func (t Tables) arrived(limit int) (hs []Head, numbers []int64, err error) {
	hs, err = engine.All(t, func(r *sql.Rows, h *Head) error {
		var n int64
		err := r.Scan(&n, &h.Hash)
		h.Chain, h.Length = Payload+hex.EncodeToString(h.Hash), 1
		numbers = append(numbers, n)
		return err
	}, `SELECT number, sha256 FROM arrived ORDER BY number LIMIT ?`, limit)
	return hs, numbers, err
}

// CutAt returns where retention has cut a chain; line 0 when it has not.
func (t Tables) CutAt(chain string) (Head, error) {
	hs, err := t.Heads(`SELECT chain, line, hash FROM cut WHERE chain = ?`, chain)
	if err != nil || len(hs) == 0 {
		return Head{Chain: chain}, err
	}
	return hs[0], nil
}

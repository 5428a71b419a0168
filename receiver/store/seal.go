package store

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a seal covers beside the journal's chains: deliveries as received and
// messages as sent, each a chain of one line.
const (
	payloadChain = "payload/"
	messageChain = "message/"
	sealChain    = "seals"
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
	// Chains is how many heads it covers; set by [Tx.SealJournal] alone.
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

type head struct {
	chain  string
	length int64
	hash   []byte
}

// sum computes the seal's hash over itself, the seal before it and the heads.
func (s Seal) sum(heads []head) []byte {
	slices.SortFunc(heads, func(a, b head) int { return strings.Compare(a.chain, b.chain) })
	h := newSum("vigie seal 1")
	h.number(s.Number)
	h.number(s.At.UnixNano())
	h.field(s.Previous)
	for _, x := range heads {
		h.text(x.chain)
		h.number(x.length)
		h.field(x.hash)
	}
	return h.hash()
}

func (tx *Tx) heads(query string, args ...any) ([]head, error) {
	rows, err := tx.q.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hs []head
	for rows.Next() {
		var h head
		if err := rows.Scan(&h.chain, &h.length, &h.hash); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		hs = append(hs, h)
	}
	return hs, rows.Err()
}

// LatestSeal returns the newest seal, and false before the first.
func (tx *Tx) LatestSeal() (Seal, bool, error) {
	var s Seal
	found := false
	err := tx.seals(`ORDER BY number DESC LIMIT 1`, func(latest Seal) { s, found = latest, true })
	return s, found, err
}

func (tx *Tx) seals(where string, f func(Seal), args ...any) error {
	rows, err := tx.q.Query(`SELECT number, at, previous, hash FROM seal `+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s Seal
		var at int64
		if err := rows.Scan(&s.Number, &at, &s.Previous, &s.Hash); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		s.At = time.Unix(0, at).UTC()
		f(s)
	}
	return rows.Err()
}

// SealJournal seals what grew since the last seal. It returns false when
// nothing did; a seal of [HeadsPerSeal] chains may have left some for a further call.
func (tx *Tx) SealJournal(now time.Time) (Seal, bool, error) {
	heads, err := tx.heads(`SELECT chain, length, head FROM unsealed ORDER BY chain LIMIT ?`, HeadsPerSeal)
	if err != nil {
		return Seal{}, false, err
	}
	came, numbers, err := tx.arrived(HeadsPerSeal - len(heads))
	if heads = append(heads, came...); err != nil || len(heads) == 0 {
		return Seal{}, false, err
	}
	last, _, err := tx.LatestSeal()
	if err != nil {
		return Seal{}, false, err
	}
	s := Seal{Number: last.Number + 1, At: now, Previous: last.Hash, Chains: len(heads)}
	s.Hash = s.sum(heads)
	for _, x := range heads {
		if _, err := tx.q.Exec(`INSERT INTO seal_head (seal, chain, length, head) VALUES (?, ?, ?, ?)`, s.Number, x.chain, x.length, x.hash); err != nil {
			return Seal{}, false, err
		}
		if _, err := tx.q.Exec(`DELETE FROM unsealed WHERE chain = ?`, x.chain); err != nil {
			return Seal{}, false, err
		}
	}
	for _, n := range numbers {
		if _, err := tx.q.Exec(`DELETE FROM arrived WHERE number = ?`, n); err != nil {
			return Seal{}, false, err
		}
	}
	_, err = tx.q.Exec(`INSERT INTO seal (number, at, previous, hash) VALUES (?, ?, ?, ?)`, s.Number, s.At.UnixNano(), s.Previous, s.Hash)
	return s, err == nil, err
}

// arrived returns the first deliveries that wait for a seal, and their numbers.
func (tx *statements) arrived(limit int) (hs []head, numbers []int64, err error) {
	rows, err := tx.q.Query(`SELECT number, sha256 FROM arrived ORDER BY number LIMIT ?`, limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		h, n := head{length: 1}, int64(0)
		if err := rows.Scan(&n, &h.hash); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		h.chain = payloadChain + hex.EncodeToString(h.hash)
		hs, numbers = append(hs, h), append(numbers, n)
	}
	return hs, numbers, rows.Err()
}

// cutAt returns where retention has cut a chain; line 0 when it has not.
func (tx *Tx) cutAt(chain string) (head, error) {
	hs, err := tx.heads(`SELECT chain, line, hash FROM cut WHERE chain = ?`, chain)
	if err != nil || len(hs) == 0 {
		return head{chain: chain}, err
	}
	return hs[0], nil
}

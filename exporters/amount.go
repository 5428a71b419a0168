package exporters

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Amount is a number of bytes or files that a product told, or did not tell.
// The zero Amount is "not told"; a run that saved nothing tells 0.
type Amount struct {
	n    int64
	told bool
}

// Told gives an amount that the product told; one below zero is none.
func Told(n int64) Amount {
	if n < 0 {
		return Amount{}
	}
	return Amount{n, true}
}

// ParseAmount reads a whole number; what is none was not told.
func ParseAmount(s string) Amount {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return Amount{}
	}
	return Told(n)
}

// Get gives the number, and whether the product told it.
func (a Amount) Get() (int64, bool) { return a.n, a.told }

// IsZero tells an amount that was not told, for omitzero.
func (a Amount) IsZero() bool { return !a.told }

// IsNone tells that the product told 0.
func (a Amount) IsNone() bool { return a.told && a.n == 0 }

// Equal tells two amounts that say the same.
func (a Amount) Equal(b Amount) bool { return a == b }

// Plus is the sum of what was told; that of two which were not is not told.
func (a Amount) Plus(b Amount) Amount {
	if !a.told {
		return b
	}
	return Amount{a.n + b.n, true}
}

// Or gives a where it was told, and b otherwise.
func (a Amount) Or(b Amount) Amount {
	if a.told {
		return a
	}
	return b
}

// MarshalJSON writes a number, or null.
func (a Amount) MarshalJSON() ([]byte, error) {
	if !a.told {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, a.n, 10), nil
}

// UnmarshalJSON reads a whole number or null.
func (a *Amount) UnmarshalJSON(data []byte) error {
	*a = Amount{}
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	var n int64
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*a = Amount{n, true} // one below zero is the reader's to refuse
	return nil
}

package calendar

import (
	"bytes"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Amount is an exact decimal number: 0.1 is a tenth and not the binary
// fraction next to it. It is comparable: equal amounts are equal values,
// however they were written. The zero Amount is no amount at all, which is not
// the same as 0.
type Amount struct{ decimal string } // in its one shortest form

const (
	maxAmountLength = 64 // characters of input
	maxAmountPlaces = 18 // digits before the point, and after it
)

// NewAmount is a whole amount.
func NewAmount(n int) Amount { return Amount{strconv.Itoa(n)} }

// decimalNumber is the grammar of JSON, whose numbers YAML shares.
var decimalNumber = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE]([-+]?[0-9]+))?$`)

// ParseAmount reads a decimal number such as 2, 0.5 or 1e3, of at most 18
// digits before the point and 18 after it.
func ParseAmount(text string) (Amount, error) {
	shown := text
	if len(shown) > maxAmountLength {
		shown = shown[:maxAmountLength] + "..."
	}
	parts := decimalNumber.FindStringSubmatch(text)
	if len(text) > maxAmountLength || parts == nil {
		return Amount{}, fmt.Errorf("%q is not an amount; write a decimal number such as 2 or 0.5", shown)
	}
	// The exponent is bounded first: expanding 1e999999999 would take forever.
	exponent, err := strconv.Atoi("0" + strings.TrimLeft(parts[1], "+-"))
	number, ok := new(big.Rat), false
	if err == nil && exponent <= 2*maxAmountLength {
		number, ok = number.SetString(text)
	}
	if !ok {
		return Amount{}, errAmountSize(text)
	}
	decimal := number.FloatString(maxAmountPlaces)
	decimal = strings.TrimRight(strings.TrimRight(decimal, "0"), ".")
	if exact, _ := new(big.Rat).SetString(decimal); exact == nil || exact.Cmp(number) != 0 {
		return Amount{}, errAmountSize(text)
	}
	if whole, _, _ := strings.Cut(strings.TrimPrefix(decimal, "-"), "."); len(whole) > maxAmountPlaces {
		return Amount{}, errAmountSize(text)
	}
	return Amount{decimal}, nil
}

func errAmountSize(text string) error {
	return fmt.Errorf("amount %s has too many digits; use at most %d before the point and %d after it", text, maxAmountPlaces, maxAmountPlaces)
}

// IsZero reports whether there is no amount. The amount 0 is one.
func (a Amount) IsZero() bool { return a.decimal == "" }

// whole is the number if it is a short whole one, as nearly all amounts are:
// the way that needs no big numbers.
func (a Amount) whole() (n int64, ok bool) {
	if a.decimal == "" || len(a.decimal) > 9 {
		return 0, false
	}
	for _, digit := range []byte(a.decimal) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = 10*n + int64(digit-'0')
	}
	return n, true
}

// Rat is the number, zero if there is no amount.
func (a Amount) Rat() *big.Rat {
	number, ok := new(big.Rat).SetString(a.decimal)
	if !ok {
		return new(big.Rat)
	}
	return number
}

// String writes the number in its shortest form without an exponent.
func (a Amount) String() string { return a.decimal }

// MarshalText writes the amount as [Amount.String] does.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.decimal), nil }

// UnmarshalText reads what [ParseAmount] reads. YAML comes this way, with the
// number as it stands in the file.
func (a *Amount) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAmount(string(text))
	return err
}

// MarshalJSON writes a number.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a.IsZero() {
		return []byte("null"), nil
	}
	return []byte(a.decimal), nil
}

// UnmarshalJSON reads a number, or a string that contains one.
func (a *Amount) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		*a = Amount{}
		return nil
	}
	text := string(data)
	if unquoted, err := strconv.Unquote(text); err == nil && text[0] == '"' {
		text = unquoted
	}
	return a.UnmarshalText([]byte(text))
}

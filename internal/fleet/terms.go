package fleet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Terms say how the runs of a plan are taken, where that differs from what the
// exporter does for all. The zero value says nothing.
type Terms struct {
	Warning Meaning `yaml:"warning"`  // what a run with remarks counts as
	MinSize Size    `yaml:"min_size"` // a success that processed fewer bytes is none
	Ignore  Flag    `yaml:"ignore"`   // nobody is told anything of it
}

// Unsaid reports whether nothing is said.
func (t Terms) Unsaid() bool { return t == Terms{} }

// Meaning is what a run with remarks counts as: a success, which proves that the
// plan works; a warning, which proves nothing; or a failure.
type Meaning string

// The meanings of a warning; empty leaves it to the source.
const (
	MeansSuccess Meaning = "success"
	MeansWarning Meaning = "warning"
	MeansFailed  Meaning = "failed"
)

// UnmarshalScalar reads one of the three words.
func (m *Meaning) UnmarshalScalar(text string) error {
	switch *m = Meaning(strings.ToLower(text)); *m {
	case MeansSuccess, MeansWarning, MeansFailed:
		return nil
	}
	return fmt.Errorf("%q is nothing that a warning can mean: write success, warning or failed", text)
}

// Size is a number of bytes.
type Size int64

var (
	octets    = regexp.MustCompile(`^([kmgt]?i?)o$`)
	thousands = regexp.MustCompile(`,[0-9]{3}(\D|$)`) // as English writes them, or three decimals of a French number
)

// UnmarshalScalar reads for example "20 GB", "500MiB" or the "1,5 To" of a French spreadsheet.
func (s *Size) UnmarshalScalar(text string) error {
	units := map[string]float64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
	at := strings.LastIndexFunc(text, func(r rune) bool { return r >= '0' && r <= '9' }) + 1
	n, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(text[:at]), ",", ".", 1), 64)
	unit, known := units[octets.ReplaceAllString(strings.ToLower(strings.TrimSpace(text[at:])), "${1}b")]
	if err != nil || !known || thousands.MatchString(text) || !(n > 0) || n*unit > 1e18 {
		return fmt.Errorf("%q is no size: write for example 20GB or 500MiB", text)
	}
	*s = Size(n * unit)
	return nil
}

// String gives the size in the largest unit that keeps it short.
func (s Size) String() string {
	for _, u := range []struct {
		name string
		size float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(s) >= u.size {
			return strconv.FormatFloat(float64(s)/u.size, 'g', 4, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + " B"
}

// Flag is yes or no.
type Flag bool

// UnmarshalScalar reads true or false, and what people and spreadsheets write for them in
// English and French.
func (f *Flag) UnmarshalScalar(text string) error {
	switch strings.ToLower(text) {
	case "true", "yes", "vrai", "oui":
		*f = true
	case "false", "no", "faux", "non":
		*f = false
	default:
		return fmt.Errorf("%q is neither yes nor no: write true or false", text)
	}
	return nil
}

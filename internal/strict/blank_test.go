package strict_test

import (
	"reflect"
	"strings"
	"testing"

	"vigie/internal/strict"
)

// A key with nothing behind it is told with its line; a name of one's own may stand
// alone, and an emptiness that is written is meant.
func TestBlank(t *testing.T) {
	type calendar struct {
		Windows  map[string][]string `yaml:"windows"`
		Holidays string              `yaml:"holidays"`
	}
	type file struct {
		Calendars map[string]calendar `yaml:"calendars"`
		Steps     []calendar          `yaml:"steps"`
		Rota      []string            `yaml:"rota"`
		Zone      string              `yaml:"zone"`
	}
	const text = `calendars:
  empty:
  day:
    windows: {monday: }
    holidays:   # Alsace?
steps:
  - holidays:
  - {holidays: "", windows: {}}
rota: []
zone: ~
`
	var got []string
	for _, line := range strict.Blank(strict.File{Name: "f.yml", Text: []byte(text)}, reflect.TypeFor[file]()) {
		where, _, _ := strings.Cut(line, ": nothing stands behind it, so that it counts as not written: write a value, or take the line away")
		got = append(got, where)
	}
	if want := []string{"f.yml:5: calendars.day.holidays", "f.yml:7: steps.holidays"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

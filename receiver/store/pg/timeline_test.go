package pg

import (
	"strings"
	"testing"
)

// A server that is behind one that was written to is refused; one that does not tell is not.
func TestTimelines(t *testing.T) {
	var warned int
	seen := timelines{warn: func(string) { warned++ }}
	for _, c := range []struct {
		at      uint64
		refused bool
	}{{1, false}, {0, false}, {3, false}, {1, true}, {0, false}, {2, true}, {2, true}, {3, false}} {
		if err := seen.see(c.at); (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "old primary") {
			t.Errorf("timeline %d: %v", c.at, err)
		}
	}
	if warned != 2 {
		t.Errorf("%d warnings, want one of each old primary", warned)
	}
}

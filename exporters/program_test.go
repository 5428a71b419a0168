package exporters

import (
	"io"
	"strings"
	"testing"
)

// It is written to as os/exec does: by whatever way the writer offers.
func TestHeadKeepsTheFirstBytes(t *testing.T) {
	b := head{limit: 3}
	if n, err := io.Copy(&b, io.LimitReader(strings.NewReader("hello"), 5)); n != 5 || err != nil || string(b.Bytes()) != "hel" || !b.cut {
		t.Errorf("%d %v %q %v", n, err, b.Bytes(), b.cut)
	}
}

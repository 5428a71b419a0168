package arcserve

import (
	"testing"
	"time"

	"vigie/exporters/sourcetest"
)

const password = "p4ssw0rd-of-the-console"

// bench polls one way to read.
type bench struct {
	*sourcetest.Bench
	source *Source
}

func newBench(t *testing.T) bench {
	return bench{Bench: sourcetest.New(t, time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC))}
}

func (b *bench) poll(w way) {
	b.T.Helper()
	b.source = &Source{way: w, now: b.Clock.Now}
	b.Poll(sourcetest.Options{Name: "udp-dupont", Engine: Engine, Source: b.source})
}

// unknown gives the count of a field of values that are not known.
func (b *bench) unknown(field string) int { return b.Poller.View().UnknownValues[field] }

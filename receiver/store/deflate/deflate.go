// Package deflate compresses deliveries with compressors that are used again.
package deflate

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Pool is compressors of about 1 MB each. Its zero value has none yet.
type Pool struct{ writers sync.Pool }

// Deflate compresses a delivery.
func (p *Pool) Deflate(raw []byte) ([]byte, error) {
	w, _ := p.writers.Get().(*flate.Writer)
	if w == nil {
		w, _ = flate.NewWriter(nil, flate.BestSpeed) // fails only for an unknown level
	}
	defer p.writers.Put(w)
	var b bytes.Buffer
	b.Grow(len(raw) / 4)
	w.Reset(&b)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

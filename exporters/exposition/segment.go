package exposition

import (
	"bytes"
	"compress/flate"
	"hash/crc32"
	"hash/maphash"
	"io"
	"sync/atomic"
)

// segment is the text of one family of one cell, as a piece of a deflate stream
// that ends on a byte boundary without ending the stream, so that pieces can be
// joined into one gzip answer. The text itself is not kept: it is ten times as
// long, and nearly every scrape asks for gzip.
type segment struct {
	piece *piece
	size  int    // of the text
	crc   uint32 // of the text
	sum   uint64 // of the text, to recognise it
}

// piece is where the compressed text of a segment, and of its copies, lies:
// alone, or within an answer that was joined.
type piece struct{ b atomic.Pointer[[]byte] }

func newPiece(b []byte) *piece {
	p := &piece{}
	p.b.Store(&b)
	return p
}

// deflate gives the compressed text.
func (s *segment) deflate() []byte {
	if s.piece == nil {
		return nil
	}
	return *s.piece.b.Load()
}

func (s *segment) empty() bool { return s.size == 0 }

// compressor renders and compresses with buffers that it uses again and again.
type compressor struct {
	w    writer
	out  bytes.Buffer
	z    *flate.Writer
	seed maphash.Seed
}

func newCompressor(seed maphash.Seed) *compressor {
	z, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return &compressor{z: z, seed: seed}
}

// segment renders a family. A text that came out as before is not compressed
// again: that costs far more than writing it.
func (c *compressor) segment(v *subset, f *family, before *segment) segment {
	c.w.b = c.w.b[:0]
	f.write(&c.w, f.name, v)
	if before != nil && before.size == len(c.w.b) && before.sum == maphash.Bytes(c.seed, c.w.b) {
		return *before
	}
	return c.compress(c.w.b)
}

func (c *compressor) compress(text []byte) segment {
	if len(text) == 0 {
		return segment{sum: maphash.Bytes(c.seed, nil)}
	}
	c.out.Reset()
	c.z.Reset(&c.out)
	_, _ = c.z.Write(text) // bytes.Buffer does not fail
	_ = c.z.Flush()
	return segment{piece: newPiece(bytes.Clone(c.out.Bytes())), size: len(text), crc: crc32.ChecksumIEEE(text), sum: maphash.Bytes(c.seed, text)}
}

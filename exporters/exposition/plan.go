package exposition

import (
	"bytes"
	"compress/flate"
	"hash/maphash"
	"io"
	"sync"

	"vigie/exporters"
)

// plan is the order in which the segments of one shard are written, with the
// check sum of the whole text. It holds as long as no source was refreshed.
type plan struct {
	pieces   []*segment
	crc      uint32
	size     int // of the text
	deflated int

	once sync.Once
	body []byte // the pieces in one, where they are kept so
	text struct {
		once sync.Once
		b    []byte // where it is kept
	}
}

// keptText is up to which size the text is kept once somebody asked for it
// without compression. Longer ones are unpacked at each such scrape.
const keptText = 32 << 20

func (e *Exposition) plan(pages []*page, of shard) *plan {
	p := &plan{}
	for i := range e.families {
		f := &e.families[i]
		first := true
		add := func(s *segment) {
			if s.empty() {
				return
			}
			if first {
				p.add(e.joiner, &e.headers[i])
				first = false
			}
			p.add(e.joiner, s)
		}
		if f.status && f.inEachShard && !of.whole() {
			add(upInShard(pages, f.name, of))
			continue
		}
		for _, page := range pages {
			if f.status {
				if of.first() {
					add(&page.status[i])
				}
				continue
			}
			for k := range page.cells {
				if c := &page.cells[k]; of.has(c.bucket) {
					add(&c.segments[i])
				}
			}
		}
	}
	return p
}

// upInShard is backup_source_up for one of several shards.
func upInShard(pages []*page, name string, of shard) *segment {
	w := &writer{}
	for _, p := range pages {
		if p.view != nil {
			w.sample(name, boolValue(p.view.Up), "source", p.view.Source, "shard", of.String())
		}
	}
	s := newCompressor(maphash.MakeSeed()).compress(w.b)
	return &s
}

func (p *plan) add(j *joiner, s *segment) {
	p.pieces = append(p.pieces, s)
	p.crc = j.join(p.crc, s.crc, s.size)
	p.size += s.size
	p.deflated += len(s.deflate())
}

// joined gives the pieces in one, in which they lie from then on: nothing is
// held twice.
func (p *plan) joined() []byte {
	p.once.Do(func() {
		p.body = make([]byte, 0, p.deflated)
		places := make([][]byte, len(p.pieces))
		for i, s := range p.pieces {
			from := len(p.body)
			p.body = append(p.body, s.deflate()...)
			places[i] = p.body[from:len(p.body):len(p.body)]
		}
		for i, s := range p.pieces {
			s.piece.b.Store(&places[i])
		}
	})
	return p.body
}

// writeDeflate writes the pieces one by one.
func (p *plan) writeDeflate(w io.Writer) error {
	for _, s := range p.pieces {
		if _, err := w.Write(s.deflate()); err != nil {
			return err
		}
	}
	return nil
}

// writeText writes the pieces unpacked.
func (p *plan) writeText(w io.Writer) error {
	if p.size > keptText {
		return p.unpack(w)
	}
	p.text.once.Do(func() {
		out := bytes.NewBuffer(make([]byte, 0, p.size))
		_ = p.unpack(out) // our own compression
		p.text.b = out.Bytes()
	})
	_, err := w.Write(p.text.b)
	return err
}

func (p *plan) unpack(w io.Writer) error {
	// One stream: no piece looks back at those before it.
	_, err := io.Copy(w, flate.NewReader(&deflateReader{pieces: p.pieces}))
	return err
}

// deflateReader reads pieces as one stream, and ends it.
type deflateReader struct {
	pieces []*segment
	rest   []byte
	ended  bool
}

func (r *deflateReader) Read(b []byte) (int, error) {
	for len(r.rest) == 0 {
		switch {
		case len(r.pieces) > 0:
			r.rest, r.pieces = r.pieces[0].deflate(), r.pieces[1:]
		case !r.ended:
			r.rest, r.ended = lastBlock[:], true
		default:
			return 0, io.EOF
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// lastBlock is an empty block that ends a deflate stream.
var lastBlock = [...]byte{1, 0, 0, 0xff, 0xff}

// pageOf gives a view's page; one that nobody rendered yet is rendered now.
func (e *Exposition) pageOf(v *exporters.View, before []*page) *page {
	if p, ok := v.Rendered.(*page); ok {
		return p
	}
	var old *page
	for _, p := range before {
		if p.view == v {
			return p
		}
		if p.view != nil && p.view.Source == v.Source {
			old = p
		}
	}
	return renderView(v, old)
}

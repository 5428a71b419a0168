package exporters

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// Exposition serves the metrics of all sources in Prometheus's text format.
// What the sources contribute was rendered and compressed when they were
// refreshed; a scrape only writes it out.
type Exposition struct {
	sources func() []*View
	own     prometheus.Gatherer
	headers []segment
	tails   sync.Pool // of *tail
	buffers sync.Pool // of *bufio.Writer

	mu    sync.Mutex
	views []*View // those that plans are made of
	plans map[shard]*plan
}

// plan is the order in which the pieces of one shard are written, with the
// check sum of the whole text. It holds as long as no source was refreshed.
type plan struct {
	pieces   []segment
	crc      uint32
	size     int // of the text
	deflated int
}

// maxPlans bounds how many shards are remembered: more are asked for by
// mistake only.
const maxPlans = 2 * buckets

// NewExposition joins the views that sources gives with the exporter's own
// metrics. The own metrics must not use the names of the model.
func NewExposition(sources func() []*View, own prometheus.Gatherer) *Exposition {
	e := &Exposition{sources: sources, own: own}
	p := newPress()
	for _, f := range families() {
		e.headers = append(e.headers, p.squeeze([]byte("# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+f.kind+"\n")))
	}
	return e
}

// ServeHTTP answers a scrape, of everything or of the part that the parameter
// shard=i/n names. Each series of a customer is in exactly one of the n parts.
// What the exporter says of itself and of its sources is in part 0, except
// backup_source_up: every part has it, with its own label shard, so that a
// source counts as read only where all parts were scraped.
func (e *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is understood here", http.StatusMethodNotAllowed)
		return
	}
	part, err := shardOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var own []byte
	if part.first() {
		if own, err = e.ownText(); err != nil {
			http.Error(w, "the exporter's own metrics cannot be collected", http.StatusInternalServerError)
			return
		}
	}
	p := e.current(part)
	h := w.Header()
	h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		e.writeGzip(w, r, p, own)
		return
	}
	h.Set("Content-Length", strconv.Itoa(p.size+len(own)))
	if r.Method == http.MethodHead {
		return
	}
	out := e.buffered(w)
	defer e.buffers.Put(out)
	for _, s := range p.pieces {
		if _, err := out.Write(s.text); err != nil {
			return
		}
	}
	_, _ = out.Write(own) // the error of this and of Flush is the client's
	_ = out.Flush()
}

// writeBuffer joins pieces that are too small for a call of the system each.
const writeBuffer = 256 << 10

func (e *Exposition) buffered(w io.Writer) *bufio.Writer {
	if out, ok := e.buffers.Get().(*bufio.Writer); ok {
		out.Reset(w)
		return out
	}
	return bufio.NewWriterSize(w, writeBuffer)
}

func shardOf(r *http.Request) (shard, error) {
	q := r.URL.Query()
	if !q.Has("shard") {
		return wholeExposition, nil
	}
	if len(q["shard"]) > 1 {
		return shard{}, errors.New("shard stands twice; keep one")
	}
	return parseShard(q.Get("shard"))
}

// gzipHeader: magic, deflate, no flags, no time, unknown system.
var gzipHeader = [10]byte{0: 0x1f, 1: 0x8b, 2: 8, 9: 255}

// tail is the end of a gzip member: what changes at each scrape.
type tail struct {
	b bytes.Buffer
	z *flate.Writer
}

// writeGzip joins the prepared pieces into one gzip member.
func (e *Exposition) writeGzip(w http.ResponseWriter, r *http.Request, p *plan, own []byte) {
	t, ok := e.tails.Get().(*tail)
	if !ok {
		t = &tail{z: newPress().z}
	}
	defer e.tails.Put(t)
	t.b.Reset()
	t.z.Reset(&t.b)
	_, _ = t.z.Write(own)
	_ = t.z.Close() // the final block
	sum := crc32.Update(p.crc, crc32.IEEETable, own)
	t.b.Write(binary.LittleEndian.AppendUint32(nil, sum))
	t.b.Write(binary.LittleEndian.AppendUint32(nil, uint32(p.size+len(own))))

	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(gzipHeader)+p.deflated+t.b.Len()))
	if r.Method == http.MethodHead {
		return
	}
	out := e.buffered(w)
	defer e.buffers.Put(out)
	_, _ = out.Write(gzipHeader[:])
	for _, s := range p.pieces {
		if _, err := out.Write(s.deflate); err != nil {
			return
		}
	}
	_, _ = out.Write(t.b.Bytes())
	_ = out.Flush()
}

// current gives the plan of a shard for the views of this moment.
func (e *Exposition) current(part shard) *plan {
	views := e.sources()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(views, e.views) || len(e.plans) >= maxPlans {
		e.plans = nil
	}
	if p := e.plans[part]; p != nil {
		return p
	}
	p := e.plan(views, part)
	if e.plans == nil {
		e.views, e.plans = views, map[shard]*plan{}
	}
	e.plans[part] = p
	return p
}

func (e *Exposition) plan(views []*View, part shard) *plan {
	p := &plan{}
	for i, f := range families() {
		first := true
		add := func(s segment) {
			if len(s.text) == 0 {
				return
			}
			if first {
				p.add(e.headers[i])
				first = false
			}
			p.add(s)
		}
		if f.status && f.inEachShard && !part.whole() {
			add(upInShard(views, f.name, part))
			continue
		}
		for _, v := range views {
			if f.status {
				if part.first() {
					add(v.status[i])
				}
				continue
			}
			for _, c := range v.cells {
				if part.has(c.bucket) {
					add(c.segments[i])
				}
			}
		}
	}
	return p
}

// upInShard is backup_source_up for one of several shards.
func upInShard(views []*View, name string, part shard) segment {
	w := &writer{}
	for _, v := range views {
		if !v.inventory {
			w.sample(name, boolValue(v.Up), "source", v.Source, "shard", part.String())
		}
	}
	return newPress().squeeze(w.b)
}

func (p *plan) add(s segment) {
	p.pieces = append(p.pieces, s)
	p.crc = crcJoin(p.crc, s.crc, len(s.text))
	p.size += len(s.text)
	p.deflated += len(s.deflate)
}

func (e *Exposition) ownText() ([]byte, error) {
	if e.own == nil {
		return nil, nil
	}
	families, err := e.own.Gather()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func acceptsGzip(r *http.Request) bool {
	for _, v := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(v, ",") {
			name, param, _ := strings.Cut(strings.TrimSpace(coding), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") && !refused(param) {
				return true
			}
		}
	}
	return false
}

// refused recognises a quality of zero.
func refused(param string) bool {
	q, ok := strings.CutPrefix(strings.ReplaceAll(param, " ", ""), "q=")
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(q, 64)
	return err == nil && f == 0
}

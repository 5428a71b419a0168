package exposition

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/maphash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"vigie/exporters"
)

// Exposition serves the metrics of all sources in Prometheus's text format.
type Exposition struct {
	sources  func() []*exporters.View
	assessed func() *exporters.Assessment
	own      prometheus.Gatherer
	families []family
	headers  []segment
	joiner   *joiner
	tails    sync.Pool // of *tail
	buffers  sync.Pool // of *bufio.Writer

	mu         sync.Mutex
	views      []*exporters.View // those that plans are made of
	assessment *exporters.Assessment
	pages      []*page
	plans      map[shard]*plan
}

// maxPlans bounds how many shards are remembered: more are asked for by
// mistake only.
const maxPlans = 2 * buckets

// Options are what an exposition shows.
type Options struct {
	// Sources gives what the sources stand for at the moment.
	Sources func() []*exporters.View
	// Assessed gives what the inventory has to say of them; nil means nothing,
	// also as its answer.
	Assessed func() *exporters.Assessment
	// Own are the exporter's own metrics; nil means none. They must not use the
	// names of the model.
	Own prometheus.Gatherer
}

// New joins the sources with the exporter's own metrics.
func New(o Options) *Exposition {
	e := &Exposition{sources: o.Sources, assessed: o.Assessed, own: o.Own, families: families(), joiner: newJoiner()}
	if e.assessed == nil {
		e.assessed = func() *exporters.Assessment { return nil }
	}
	c := newCompressor(maphash.MakeSeed())
	for _, f := range e.families {
		e.headers = append(e.headers, c.compress([]byte("# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+f.kind+"\n")))
	}
	return e
}

// ServeHTTP answers a scrape, of everything or of the shard that the parameter
// shard=i/n names. Each series of a customer is in exactly one of the n shards.
// What the exporter says of itself and of its sources is in shard 0, except
// backup_source_up: every shard has it, with its own label shard, so that a
// source counts as read only where all shards were scraped.
func (e *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is understood here", http.StatusMethodNotAllowed)
		return
	}
	s, err := shardOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var own []byte
	if s.first() {
		if own, err = e.ownText(); err != nil {
			http.Error(w, "the exporter's own metrics cannot be collected", http.StatusInternalServerError)
			return
		}
	}
	p := e.current(s)
	h := w.Header()
	h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		e.writeGzip(w, r, s, p, own)
		return
	}
	h.Set("Content-Length", strconv.Itoa(p.size+len(own)))
	if r.Method == http.MethodHead {
		return
	}
	out := e.buffered(w)
	defer e.buffers.Put(out)
	if p.writeText(out) != nil {
		return // the client went away
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
func (e *Exposition) writeGzip(w http.ResponseWriter, r *http.Request, s shard, p *plan, own []byte) {
	t, ok := e.tails.Get().(*tail)
	if !ok {
		t = &tail{z: newCompressor(maphash.MakeSeed()).z}
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
	_, _ = w.Write(gzipHeader[:]) // the error of this is that of the next
	if s.whole() {
		// What every Prometheus without shards reads goes out in one piece.
		_, _ = w.Write(p.joined())
	} else {
		out := e.buffered(w)
		defer e.buffers.Put(out)
		if p.writeDeflate(out) != nil || out.Flush() != nil {
			return
		}
	}
	_, _ = w.Write(t.b.Bytes())
}

// current gives the plan of a shard for the views of this moment.
func (e *Exposition) current(s shard) *plan {
	views, assessment := e.sources(), e.assessed()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pages == nil || !slices.Equal(views, e.views) || assessment != e.assessment {
		e.turn(views, assessment)
	}
	if p := e.plans[s]; p != nil {
		return p
	}
	if len(e.plans) >= maxPlans {
		clear(e.plans)
	}
	p := e.plan(e.pages, s)
	e.plans[s] = p
	return p
}

// turn takes up what is shown from now on.
func (e *Exposition) turn(views []*exporters.View, assessment *exporters.Assessment) {
	pages := make([]*page, 0, len(views)+1)
	for _, v := range views {
		pages = append(pages, e.pageOf(v, e.pages))
	}
	if assessment != nil {
		p, ok := assessment.Rendered.(*page)
		if !ok {
			p = renderAssessment(assessment, nil)
		}
		pages = append(pages, p)
	}
	e.views, e.assessment, e.pages, e.plans = views, assessment, pages, map[shard]*plan{}
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

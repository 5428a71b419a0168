package exporters

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
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

	mu   sync.Mutex
	plan plan // for the views it names
}

// plan is the order in which the pieces are written, with the check sum of
// the whole text. It holds as long as no source was refreshed.
type plan struct {
	views  []*View
	pieces []segment
	crc    uint32
	size   int
}

// NewExposition joins the views that sources gives with the exporter's own
// metrics. The own metrics must not use the names of the model.
func NewExposition(sources func() []*View, own prometheus.Gatherer) *Exposition {
	e := &Exposition{sources: sources, own: own}
	for _, f := range families() {
		e.headers = append(e.headers, newSegment([]byte("# HELP "+f.name+" "+f.help+"\n# TYPE "+f.name+" "+f.kind+"\n")))
	}
	return e
}

// ServeHTTP answers a scrape.
func (e *Exposition) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET is understood here", http.StatusMethodNotAllowed)
		return
	}
	own, err := e.ownText()
	if err != nil {
		http.Error(w, "the exporter's own metrics cannot be collected", http.StatusInternalServerError)
		return
	}
	p := e.current()
	h := w.Header()
	h.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r) {
		h.Set("Content-Length", strconv.Itoa(p.size+len(own)))
		if r.Method == http.MethodHead {
			return
		}
		for _, s := range p.pieces {
			if _, err := w.Write(s.text); err != nil {
				return
			}
		}
		_, _ = w.Write(own)
		return
	}
	h.Set("Content-Encoding", "gzip")
	if r.Method == http.MethodHead {
		return
	}
	writeGzip(w, p, own)
}

// gzipHeader: magic, deflate, no flags, no time, unknown system.
var gzipHeader = [10]byte{0: 0x1f, 1: 0x8b, 2: 8, 9: 255}

// writeGzip joins the prepared pieces into one gzip member.
func writeGzip(w http.ResponseWriter, p plan, own []byte) {
	if _, err := w.Write(gzipHeader[:]); err != nil {
		return
	}
	for _, s := range p.pieces {
		if _, err := w.Write(s.deflate); err != nil {
			return
		}
	}
	var tail bytes.Buffer
	z, err := flate.NewWriter(&tail, flate.BestSpeed)
	if err != nil {
		return // the level is a constant
	}
	_, _ = z.Write(own)
	_ = z.Close() // the final block
	sum := crc32.Update(p.crc, crc32.IEEETable, own)
	_ = binary.Write(&tail, binary.LittleEndian, sum)
	_ = binary.Write(&tail, binary.LittleEndian, uint32(p.size+len(own)))
	_, _ = w.Write(tail.Bytes())
}

func (e *Exposition) current() plan {
	views := e.sources()
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Equal(views, e.plan.views) && e.plan.pieces != nil {
		return e.plan
	}
	p := plan{views: views, pieces: []segment{}}
	for i, header := range e.headers {
		first := true
		for _, v := range views {
			s := v.segments[i]
			if len(s.text) == 0 {
				continue
			}
			if first {
				p.add(header)
				first = false
			}
			p.add(s)
		}
	}
	e.plan = p
	return p
}

func (p *plan) add(s segment) {
	p.pieces = append(p.pieces, s)
	p.crc = crc32.Update(p.crc, crc32.IEEETable, s.text)
	p.size += len(s.text)
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

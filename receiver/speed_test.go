package receiver_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/receiver/webhook"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// TestSpeed measures the receiver against what the same machine can do at most
// in the same run, in short slices by turns, and prints tables; what is compared
// is the median of the rounds' ratios. Nothing here fails for being slow. Without
// VIGIE_BENCH=long it only proves that everything that is measured works.
func TestSpeed(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures")
	}
	sum := &summary{}
	b := &speed{T: t, summary: sum, rounds: 1, slice: 20 * time.Millisecond, sizes: []int{1, 10, 100}, clients: []int{1, 4}, most: 8,
		seeded: 2000, due: []int{0, 10, 100}, mails: 16}
	if os.Getenv("VIGIE_BENCH") == "long" {
		b = &speed{T: t, summary: sum, rounds: 5, slice: 700 * time.Millisecond, sizes: []int{1, 10, 100, 1000}, clients: []int{1, 16, 64}, most: 64,
			seeded: 1_000_000, due: []int{0, 100, 10_000}, mails: 500}
	}
	b.say("%d rounds of %s, %d processors, %s", b.rounds, b.slice, runtime.GOMAXPROCS(0), runtime.Version())
	defer debug.SetGCPercent(debug.SetGCPercent(receiver.GCPercent))
	b.part("ingest", (*speed).ingest)
	b.part("limits", (*speed).limits)
	b.part("many", (*speed).many)
	b.part("postgres", (*speed).postgres)
	b.part("overload", (*speed).overload)
	b.part("outbox", (*speed).outbox)
	b.summary.print(b)
	b.say("")
	b.say("resident memory at the most, load and raw store included: %d MB", status("VmHWM")>>20)
}

// speed is one run of the measurement.
type speed struct {
	*testing.T
	summary *summary
	rounds  int
	slice   time.Duration
	sizes   []int // alerts of a delivery
	clients []int
	most    int   // clients where only one number of them is measured
	seeded  int   // incidents that are open already
	due     []int // so many of them wake at once
	mails   int
	// ahead is how far the clock went for the latest tick: a clock that goes back
	// would have everything looked at anew.
	ahead time.Duration
}

// later is an instant after all earlier ones, at which steps have fallen due.
func (b *speed) later(r *rig) time.Time {
	b.ahead = max(500*time.Hour, b.ahead+24*time.Hour)
	return r.now().Add(b.ahead)
}

func (b *speed) say(format string, args ...any) {
	if testing.Verbose() {
		fmt.Printf("speed: "+format+"\n", args...)
	}
}

// part measures one thing; -run chooses among them.
func (b *speed) part(name string, f func(*speed)) {
	b.Run(name, func(t *testing.T) {
		own := *b
		own.T = t
		f(&own)
	})
}

// load is deliveries of one form, each of its own machines.
type load struct {
	alerts int
	many   bool // each alert of a machine of its own
	body   []byte
	digits []int // where machines' numbers stand in the body
	next   *atomic.Int64
}

const machineDigits = 8

func newLoad(alerts int, many bool) *load {
	l := &load{alerts: alerts, many: many, next: new(atomic.Int64)}
	var all []alert
	for i := range alerts {
		a := backup("dupont", machineName(0), "primary")
		a["plan"] = fmt.Sprintf("plan-%d", i)
		a["job_id"] += "/" + a["plan"]
		all = append(all, a)
	}
	l.body = standard(all)
	for i := 0; ; {
		n := bytes.Index(l.body[i:], []byte("SRV-"))
		if n < 0 {
			return l
		}
		i += n + len("SRV-")
		l.digits = append(l.digits, i)
	}
}

func machineName(n int) string { return fmt.Sprintf("SRV-%0*d", machineDigits, n) }

// standard is a delivery as Alertmanager writes it, with annotations of the
// usual number and length.
func standard(all []alert) []byte {
	var d struct {
		Version string           `json:"version"`
		Group   string           `json:"groupKey"`
		Status  string           `json:"status"`
		Alerts  []map[string]any `json:"alerts"`
	}
	d.Version, d.Status, d.Group = "4", "firing", `{}/{team="backup"}:{customer="dupont"}`
	for _, a := range all {
		d.Alerts = append(d.Alerts, map[string]any{
			"status": "firing", "labels": a, "startsAt": monday, "endsAt": time.Time{}, "fingerprint": "9a1c5f0be2d47763",
			"generatorURL": "http://prometheus.msp.example:9090/graph?g0.expr=backup_job_last_result+%3D%3D+2&g0.tab=1",
			"annotations": map[string]string{
				"summary":     "The backup of a server failed",
				"description": "The last run of the plan ended with an error. See the console of the product for the words in which it says so.",
				"runbook_url": "https://docs.msp.example/runbooks/BackupFailed",
			},
		})
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return b
}

// fill writes the next delivery into buf.
func (l *load) fill(buf []byte) []byte { return l.number(buf, int(l.next.Add(1))) }

func (l *load) number(buf []byte, k int) []byte {
	buf = append(buf[:0], l.body...)
	each := len(l.digits) / l.alerts
	var text [machineDigits]byte
	for i, at := range l.digits {
		n := k
		if l.many {
			n = k*l.alerts + i/each
		}
		for j := machineDigits - 1; j >= 0; j-- {
			text[j] = byte('0' + n%10)
			n /= 10
		}
		copy(buf[at:], text[:])
	}
	return buf
}

// taken is what came of one slice.
type taken struct {
	n, refused int
	wall, cpu  time.Duration
	mallocs    uint64
	waits      []time.Duration
}

func (t taken) rate() float64 { return float64(t.n) / t.wall.Seconds() }

// each is the processor's time per thing.
func (t taken) each(per int) float64 {
	return float64(t.cpu.Microseconds()) / float64(max(t.n, 1)*per)
}

// during measures what work does in a slice.
func during(work func() (n, refused int, waits []time.Duration)) taken {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, begun := spent(), time.Now()
	var t taken
	t.n, t.refused, t.waits = work()
	t.wall, t.cpu = time.Since(begun), spent()-cpu
	runtime.ReadMemStats(&after)
	t.mallocs = after.Mallocs - before.Mallocs
	return t
}

func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// status reads a size in bytes from what the kernel says of this process.
func status(field string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), field+":")
	line, _, _ := strings.Cut(rest, " kB")
	n, _ := strconv.Atoi(strings.TrimSpace(line))
	return n << 10
}

// post lets clients post deliveries for a slice.
func (b *speed) post(url string, clients int, fill func([]byte) []byte) taken {
	b.Helper()
	return during(func() (int, int, []time.Duration) {
		until := time.Now().Add(b.slice)
		return postWhile(b, url, clients, fill, func() bool { return time.Now().Before(until) })
	})
}

// postAll lets clients post so many deliveries.
func postAll(t testing.TB, url string, clients, n int, l *load) {
	t.Helper()
	left := new(atomic.Int64)
	left.Store(int64(n - clients)) // each begins with one
	_, refused, _ := postWhile(t, url, min(clients, n), l.fill, func() bool { return left.Add(-1) >= 0 })
	if refused > 0 {
		t.Errorf("%d of %d deliveries refused", refused, n)
	}
}

// postWhile lets clients post, each at least once.
func postWhile(t testing.TB, url string, clients int, fill func([]byte) []byte, more func() bool) (n, refused int, waits []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer hc.CloseIdleConnections()
			var buf []byte
			var mine []time.Duration
			bad := 0
			for first := true; first || more(); first = false {
				buf = fill(buf)
				begun := time.Now()
				code, _, err := postOnce(hc, url, buf)
				if err != nil {
					t.Error(err)
					return
				}
				if code == http.StatusOK {
					mine = append(mine, time.Since(begun))
				} else if bad++; code != http.StatusServiceUnavailable {
					t.Errorf("answered %d", code)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			n, refused, waits = n+len(mine), refused+bad, append(waits, mine...)
		})
	}
	wg.Wait()
	return n, refused, waits
}

func postOnce(hc *http.Client, url string, body []byte) (code int, again time.Duration, err error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+hookToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := hc.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, retryAfter(resp), err
}

func (r *rig) webhookURL() string { return r.site.URL + "/api/v1/alertmanager" }

func median(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(vs))
	if n := len(s) / 2; len(s)%2 == 0 {
		return (s[n-1] + s[n]) / 2
	}
	return s[len(s)/2]
}

// quantile of waits; q is a share of 1.
func quantile(waits []time.Duration, q float64) time.Duration {
	if len(waits) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(waits))
	return s[min(int(float64(len(s))*q), len(s)-1)]
}

// --- the raw store -------------------------------------------------------------

// raw writes the rows that the receiver leaves behind for a delivery into the
// same tables with the same pragmas: prepared statements, a BEGIN and a COMMIT
// around so many deliveries, and nothing else. It is the ceiling.
type raw struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	rows   []rawRow
	number int // incidents of one delivery
	next   int
}

type rawRow struct {
	insert *sql.Stmt
	cells  []cell
}

// cell makes one value of the k-th delivery's row.
type cell func(k int) any

var (
	machinePlaces = regexp.MustCompile(`SRV-\d{8}`)
	incidentID    = regexp.MustCompile(`^i(\d+)\b`)
)

const (
	rawPragmas = "?_foreign_keys=on&_journal_mode=WAL&_busy_timeout=5000&_secure_delete=on&_synchronous="
	rawTables  = "delivery arrived unsealed incident alert journal journal_personal notification"
)

// newRaw lets the receiver take in one delivery and learns the rows from that.
func (b *speed) newRaw(l *load, synchronous string) *raw {
	b.Helper()
	r := newRig(b.T, 0)
	r.post(http.StatusOK, l.number(nil, 1))
	r.stop()
	from, err := sql.Open("sqlite3", filepath.Join(r.dir, "vigie.db"))
	b.ok(err)
	path := filepath.Join(b.TempDir(), "raw.db")
	s, err := store.Open(b.Context(), path)
	b.ok(err)
	b.ok(s.Close())
	to, err := sql.Open("sqlite3", "file:"+path+rawPragmas+synchronous)
	b.ok(err)
	b.Cleanup(func() { to.Close() })
	w := &raw{stmts: map[string]*sql.Stmt{}, number: 1, next: 1}
	if l.many {
		w.number = l.alerts
	}
	w.conn, err = to.Conn(b.Context())
	b.ok(err)
	for _, text := range []string{"BEGIN IMMEDIATE", "COMMIT"} {
		w.stmts[text], err = w.conn.PrepareContext(b.Context(), text)
		b.ok(err)
	}
	for table := range strings.FieldsSeq(rawTables) {
		b.learn(w, from, table)
	}
	b.ok(from.Close())
	r.start() // the rig stops it again
	return w
}

func (b *speed) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *speed) learn(w *raw, from *sql.DB, table string) {
	b.Helper()
	rows, err := from.Query("SELECT * FROM " + table)
	b.ok(err)
	defer rows.Close()
	columns, err := rows.Columns()
	b.ok(err)
	insert, err := w.conn.PrepareContext(b.Context(), fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "),
		strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")))
	b.ok(err)
	for n := 0; rows.Next(); n++ {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		b.ok(rows.Scan(into...))
		row := rawRow{insert: insert}
		for i, v := range values {
			row.cells = append(row.cells, w.cell(columns[i], v, n))
		}
		w.rows = append(w.rows, row)
	}
	b.ok(rows.Err())
}

// scattered is bytes of a delivery's row, as many as a hash has, and as scattered.
func scattered(k, row int) []byte {
	var h [32]byte
	x := uint64(k)<<20 + uint64(row) + 1
	for i := range h {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		h[i] = byte(x >> 32)
	}
	return h[:]
}

// cell keeps a value as it is, but for what must differ between deliveries.
func (w *raw) cell(column string, v any, row int) cell {
	own := func(k int) []byte { return scattered(k, row) }
	switch v := v.(type) {
	case int64:
		if column == "number" {
			return func(k int) any { return int64(k-1)*int64(w.number) + v }
		}
	case []byte:
		if column == "sha256" {
			return func(k int) any { return own(k) }
		}
		if column == "place" {
			return func(k int) any { return scattered(k, 0)[:6] }
		}
	case string:
		if column == "fingerprint" {
			return func(k int) any { return fmt.Sprintf("%x", own(k)[:8]) }
		}
		if rest, is := strings.CutPrefix(v, "payload/"); is && len(rest) == 64 {
			return func(k int) any { return fmt.Sprintf("payload/%x", own(k)) }
		}
		if m := incidentID.FindStringSubmatch(v); m != nil {
			was, _ := strconv.Atoi(m[1])
			rest := v[len(m[0]):]
			return func(k int) any { return "i" + strconv.Itoa((k-1)*w.number+was) + rest }
		}
		if at := machinePlaces.FindStringIndex(v); at != nil {
			was, _ := strconv.Atoi(v[at[0]+len("SRV-") : at[1]])
			return func(k int) any { return v[:at[0]] + machineName((k-1)*w.number+was) + v[at[1]:] }
		}
	}
	return func(int) any { return v }
}

// write fills a slice with commits of so many deliveries each; what is to be
// written is made ready beside it.
func (w *raw) write(b *speed, slice time.Duration, atOnce int) taken {
	b.Helper()
	ready, stop := make(chan [][]any, 2), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			batch := make([][]any, 0, atOnce*len(w.rows))
			for range atOnce {
				for _, r := range w.rows {
					args := make([]any, len(r.cells))
					for i, c := range r.cells {
						args[i] = c(w.next)
					}
					batch = append(batch, args)
				}
				w.next++
			}
			select {
			case ready <- batch:
			case <-stop:
				return
			}
		}
	})
	defer func() { close(stop); wg.Wait() }()
	return during(func() (n, refused int, waits []time.Duration) {
		until := time.Now().Add(slice)
		for first := true; first || time.Now().Before(until); first = false {
			batch := <-ready
			_, err := w.stmts["BEGIN IMMEDIATE"].Exec()
			b.ok(err)
			for i, args := range batch {
				_, err = w.rows[i%len(w.rows)].insert.Exec(args...)
				b.ok(err)
			}
			_, err = w.stmts["COMMIT"].Exec()
			b.ok(err)
			n += atOnce
		}
		return n, 0, nil
	})
}

// --- deliveries ----------------------------------------------------------------

// ingest is the table of deliveries, by size, form and number of clients, each
// beside the raw store with as many deliveries a commit.
func (b *speed) ingest() {
	b.say("")
	b.say("| alerts | incidents | clients | deliveries/s | alerts/s | raw deliveries/s | ratio | CPU µs/alert | raw | allocations/alert | p50 ms | p99 ms | 503 |")
	b.say("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, alerts := range b.sizes {
		for _, many := range []bool{false, true} {
			if alerts == 1 && many {
				continue
			}
			b.part(fmt.Sprintf("alerts=%d many=%t", alerts, many), func(b *speed) { b.ingestOf(newLoad(alerts, many)) })
		}
	}
}

// rawBatch is how many deliveries the raw store commits together: as many as
// there are clients, and a hundred where there are many.
func (l *load) rawBatch(clients int) int {
	if clients >= 64 {
		clients = 100
	}
	return min(clients, max(1, 20_000/l.alerts))
}

func (b *speed) ingestOf(l *load) {
	r, w := newRig(b.T, 0), b.newRaw(l, "FULL")
	for _, clients := range b.clients {
		var rate, floor, ratio, cpu, rawCPU, mallocs []float64
		var waits []time.Duration
		refused := 0
		for range b.rounds {
			got := b.post(r.webhookURL(), clients, l.fill)
			most := w.write(b, b.slice, l.rawBatch(clients))
			rate, floor = append(rate, got.rate()), append(floor, most.rate())
			ratio = append(ratio, got.rate()/most.rate())
			cpu, rawCPU = append(cpu, got.each(l.alerts)), append(rawCPU, most.each(l.alerts))
			mallocs = append(mallocs, float64(got.mallocs)/float64(max(got.n, 1)*l.alerts))
			waits, refused = append(waits, got.waits...), refused+got.refused
		}
		incidents := 1
		if l.many {
			incidents = l.alerts
		}
		b.say("| %d | %d | %d | %.0f | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f | %.1f | %.1f | %d |", l.alerts, incidents, clients, median(rate), median(rate)*float64(l.alerts),
			median(floor), median(ratio), median(cpu), median(rawCPU), median(mallocs), ms(quantile(waits, .5)), ms(quantile(waits, .99)), refused)
		if was, aim := ingestAims(l, clients); was != "" {
			b.summary.add(fmt.Sprintf("%d alerts of %d incidents, %d clients: of the raw store", l.alerts, incidents, clients), was, aim, "%.2f", median(ratio))
		}
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// limits compares deliveries of ten alerts with each part of their way alone.
func (b *speed) limits() {
	l := newLoad(10, false)
	r, w, lax := newRig(b.T, 0), b.newRaw(l, "FULL"), b.newRaw(l, "NORMAL")
	single := newRig(b.T, 0)
	one := b.oneByOne(single)
	read := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
	}))
	b.Cleanup(read.Close)
	decoded := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err == nil {
			_, _, err = webhook.Decode(body, monday)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	}))
	b.Cleanup(decoded.Close)
	f := map[string][]float64{}
	add := func(name string, v float64) { f[name] = append(f[name], v) }
	again := l.number(nil, 1)
	r.post(http.StatusOK, again)
	for range b.rounds {
		full, raw := b.post(r.webhookURL(), b.most, l.fill).rate(), w.write(b, b.slice, 100).rate()
		httpOnly, withDecode := b.post(read.URL, b.most, l.fill).rate(), b.post(decoded.URL, b.most, l.fill).rate()
		add("F_http", httpOnly)
		add("F_dec", withDecode)
		add("F_store", raw)
		add("P1", full/raw)
		add("P1b", full*(withDecode+raw)/(withDecode*raw))
		add("P2", full/b.post(one.URL, b.most, l.fill).rate())
		add("P3", w.write(b, b.slice, 64).rate()/lax.write(b, b.slice, 64).rate())
		alone := b.post(r.webhookURL(), 1, l.fill)
		sync := b.sync(16 << 10)
		add("F_sync", ms(sync))
		add("P4", float64(quantile(alone.waits, .5))/float64(sync))
		add("written", b.writtenOf(r, l))
		add("P5", b.post(r.webhookURL(), 8, func([]byte) []byte { return again }).rate()/b.post(r.webhookURL(), 8, l.fill).rate())
	}
	b.say("")
	b.say("| deliveries of 10 alerts | figure | aim |")
	b.say("|---|---|---|")
	b.say("| F_http, F_dec: HTTP alone, with decoding (64 clients) | %.0f/s, %.0f/s | |", median(f["F_http"]), median(f["F_dec"]))
	b.say("| F_store: raw store, 100 a commit | %.0f/s | |", median(f["F_store"]))
	b.say("| F_sync: append 16 KiB and sync | %.2f ms | |", median(f["F_sync"]))
	b.say("| P1 of the raw store, 64 clients | %.2f | ≥ 0.45 |", median(f["P1"]))
	b.say("| P1b of what decoding and raw store allow together | %.2f | ≥ 0.80 |", median(f["P1b"]))
	b.say("| P2 commits shared : one for each delivery | %.1f | ≥ 2.3 |", median(f["P2"]))
	b.say("| P3 raw store, synchronous FULL : NORMAL, 64 a commit | %.2f | ≥ 0.9 |", median(f["P3"]))
	b.say("| P4 one client's median answer : F_sync | %.1f | ≤ 3 |", median(f["P4"]))
	b.say("| P5 repeated : new deliveries, 8 clients | %.1f | ≥ 5 |", median(f["P5"]))
	b.say("| bytes written to disk : bytes delivered, 8 clients | %.1f | ≤ 2 |", median(f["written"]))
	b.summary.add("one client's median answer : 16 KiB appended and synced", "15.9", "≤ 3", "%.1f", median(f["P4"]))
	b.summary.add("repeated : new deliveries of 10 alerts, 8 clients", "1.6", "≥ 5", "%.1f", median(f["P5"]))
	b.summary.add("bytes written to disk : bytes delivered", "not measured", "≤ 2", "%.1f", median(f["written"]))
}

// ingestAims are what a row of the table of deliveries reached before, and what it
// should reach.
func ingestAims(l *load, clients int) (was, aim string) {
	switch {
	case clients < 64:
	case l.alerts == 1:
		return "0.35", "≥ 0.50"
	case l.alerts == 10 && l.many:
		return "0.35", "≥ 0.55"
	case l.alerts == 10:
		return "0.38", "≥ 0.55"
	}
	return "", ""
}

// writtenOf is how many bytes go to the disk for each byte of a delivery; 0 where
// the kernel does not tell.
func (b *speed) writtenOf(r *rig, l *load) float64 {
	before := diskWrites()
	got := b.post(r.webhookURL(), 8, l.fill)
	return float64(diskWrites()-before) / float64(max(got.n, 1)*len(l.body))
}

// diskWrites is how many bytes this process has sent to disks.
func diskWrites() int {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(line)
	return n
}

// oneByOne serves a rig's webhook so that no two deliveries share a commit.
func (b *speed) oneByOne(r *rig) *httptest.Server {
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		b.check(err)
		d, _, err := webhook.Decode(body, monday)
		b.check(err)
		d.Raw = body
		mu.Lock()
		defer mu.Unlock()
		b.check(r.engine.Receive(q.Context(), d))
	}))
	b.Cleanup(s.Close)
	return s
}

// check is ok for goroutines other than the test's own.
func (b *speed) check(err error) {
	if err != nil {
		b.Error(err)
	}
}

// sync is the median time in which so many bytes are appended and durable.
func (b *speed) sync(size int) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	b.ok(err)
	defer f.Close()
	var waits []time.Duration
	block := make([]byte, size)
	for until := time.Now().Add(b.slice / 2); len(waits) < 3 || time.Now().Before(until); {
		begun := time.Now()
		_, err := f.Write(block)
		b.ok(err)
		b.ok(syscall.Fdatasync(int(f.Fd())))
		waits = append(waits, time.Since(begun))
	}
	return quantile(waits, .5)
}

// --- many open incidents -------------------------------------------------------

// many measures beside a great number of open incidents.
func (b *speed) many() {
	l := newLoad(10, false)
	empty, full, few := newRig(b.T, 0), newRig(b.T, 0), newRig(b.T, 0)
	begun := time.Now()
	b.seed(full, newLoad(1, false), b.seeded)
	b.say("")
	b.say("%d open incidents, made in %s", b.seeded, time.Since(begun).Round(time.Second))
	b.again(full)
	b.seed(few, newLoad(1, false), 100*b.rounds)
	b.asleep(full)
	b.asleep(few)
	l.next.Store(int64(b.seeded))
	var p8 []float64
	for range b.rounds {
		p8 = append(p8, b.post(full.webhookURL(), b.most, l.fill).rate()/b.post(empty.webhookURL(), b.most, l.fill).rate())
	}
	b.say("")
	b.say("| with %d open incidents | figure | aim |", b.seeded)
	b.say("|---|---|---|")
	b.say("| P8 rate of deliveries : that of an empty store | %.2f | ≥ 0.7 |", median(p8))
	b.asleep(full)
	b.ticks(full, few)
	b.crowd(full, l)
}

// again measures a start, and what it writes.
func (b *speed) again(r *rig) {
	b.Helper()
	r.stop()
	info, err := os.Stat(filepath.Join(r.dir, "vigie.db"))
	b.ok(err)
	b.summary.add("database per open incident, kB", "2.3", "≤ 1.2", "%.2f", float64(info.Size())/float64(b.seeded)/1000)
	begun := time.Now()
	r.start()
	ready := time.Since(begun)
	begun = time.Now()
	b.ok(r.engine.Tick(b.Context()))
	b.say("start with %d open: ready after %s, all looked at %s later, %d bytes written", b.seeded, ready.Round(time.Millisecond),
		time.Since(begun).Round(time.Millisecond), r.written())
	b.summary.add(fmt.Sprintf("start with %d open, seconds until ready", b.seeded), "rewrote all", "≤ 2", "%.1f", ready.Seconds())
	b.summary.add("bytes that it writes", "all of them", "0", "%.0f", float64(r.written()))
	dir := b.TempDir()
	b.sleepers(r, `VACUUM INTO ?`, filepath.Join(dir, "vigie.db")) // what comes of deliveries there must not be measured here
	started, most, looked := residentElsewhere(b, dir, b.seeded)
	b.ok(os.Remove(filepath.Join(dir, "vigie.db")))
	b.summary.add("resident memory then, MB", "612", "≤ 150", "%.0f", float64(started>>20))
	b.summary.add("resident memory at the most when deliveries have come, MB", "not measured", "≤ 150", "%.0f", float64(most>>20))
	b.summary.add("resident memory at the most when somebody has looked at a list, MB", "not measured", "", "%.0f", float64(looked>>20))
}

// seed makes many open incidents of one that was received.
func (b *speed) seed(r *rig, l *load, n int) {
	b.Helper()
	r.post(http.StatusOK, l.number(nil, 1))
	b.ok(r.engine.Tick(b.Context()))
	b.ok(r.engine.AskDue(b.Context()))
	var one *store.Record
	b.ok(r.db.View(b.Context(), func(tx *store.Tx) (err error) {
		one, err = tx.Incident("i1")
		return err
	}))
	for from := 2; from <= n; from += 5000 {
		b.ok(r.db.Update(b.Context(), func(tx *store.Tx) error {
			for x := from; x <= min(n, from+4999); x++ {
				if err := tx.Save(likeness(one, x)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// likeness is a record of another machine that is like one of the first.
func likeness(one *store.Record, x int) *store.Record {
	own := func(l model.Labels) model.Labels {
		l = maps.Clone(l)
		for k, v := range l {
			l[k] = strings.ReplaceAll(v, machineName(1), machineName(x))
		}
		return l
	}
	inc := one.Incident
	inc.ID, inc.Number, inc.Key, inc.Identity = "i"+strconv.Itoa(x), x, strings.ReplaceAll(inc.Key, machineName(1), machineName(x)), own(inc.Identity)
	inc.Alerts = map[string]*incident.Alert{}
	for fp, a := range one.Alerts {
		c := *a
		c.Labels = own(a.Labels)
		inc.Alerts[fmt.Sprintf("%s%012x", fp[:4], x)] = &c
	}
	r := store.NewRecord(inc)
	r.WakeAt, r.AskAt = one.WakeAt, one.AskAt
	return r
}

// sleepers changes rows behind the receiver's back.
func (b *speed) sleepers(r *rig, text string, args ...any) {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "vigie.db")+"?_busy_timeout=60000&_synchronous=OFF")
	b.ok(err)
	_, err = db.Exec(text, args...)
	b.ok(err)
	_, err = db.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`) // not what is measured next
	b.ok(err)
	b.ok(db.Close())
}

// asleep lets nothing fall due that is not woken on purpose, what was delivered
// for another measurement least of all.
func (b *speed) asleep(r *rig) {
	b.Helper()
	b.sleepers(r, `UPDATE incident SET wake_at = ?1, ask_at = ?1 WHERE wake_at < ?1 OR ask_at < ?1`, monday.AddDate(10, 0, 0).UnixNano())
}

// ticks measures turns of the clock.
func (b *speed) ticks(r, few *rig) {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(r.dir, "vigie.db")+"?mode=ro")
	b.ok(err)
	defer db.Close()
	one, err := db.Prepare(`SELECT 1`)
	b.ok(err)
	defer one.Close()
	tick := func() { b.ok(r.engine.Tick(b.Context())) }
	for _, due := range b.due {
		if due > 0 {
			b.tickDue(r, few, due)
			continue
		}
		var ratio, took []float64
		for range b.rounds {
			a, c := perCall(b.slice/4, tick), perCall(b.slice/4, func() {
				var n int
				b.ok(one.QueryRow().Scan(&n))
			})
			ratio, took = append(ratio, float64(a)/float64(c)), append(took, float64(a.Nanoseconds())/1000)
		}
		b.say("| P10 a tick with none due: %.1f µs; : a prepared SELECT 1 | %.1f | ≤ 3 |", median(took), median(ratio))
	}
}

// tickDue wakes so many incidents, for which steps have fallen due; few holds
// nothing beside a hundred for each round.
func (b *speed) tickDue(r, few *rig, due int) {
	b.Helper()
	var took, ratio []float64
	rounds := b.rounds
	if due > 1000 {
		rounds = min(rounds, 2)
	}
	for i := range rounds {
		at := b.later(r)
		t := b.tickOnce(r, at, b.seeded/10*i, due)
		took = append(took, t)
		if due <= 100 {
			ratio = append(ratio, t/b.tickOnce(few, at, due*i, due))
		}
	}
	b.say("| tick with %d due, each decided and written | %.1f ms | |", due, median(took))
	if due <= 100 {
		b.summary.add(fmt.Sprintf("tick with %d due of %d open : the same alone", due, b.seeded), "not known (4.1 s)", "≤ 1.5", "%.2f", median(ratio))
	} else {
		b.summary.add(fmt.Sprintf("tick with %d due of %d open, seconds", due, b.seeded), "15", "≤ 2", "%.1f", median(took)/1000)
	}
}

// tickOnce is how many milliseconds a tick takes for which the incidents after a
// number are due.
func (b *speed) tickOnce(r *rig, at time.Time, after, due int) float64 {
	b.Helper()
	b.sleepers(r, `UPDATE incident SET wake_at = ? WHERE number > ? AND number <= ?`, at.UnixNano(), after, after+due)
	was := r.now()
	defer r.set(was)
	r.set(at)
	begun := time.Now()
	b.ok(r.engine.Tick(b.Context()))
	return ms(time.Since(begun))
}

// crowd measures the answers while many timers fall due at once.
func (b *speed) crowd(r *rig, l *load) {
	b.Helper()
	due := b.due[len(b.due)-1]
	const clients = 4
	idle := b.post(r.webhookURL(), clients, l.fill)
	b.asleep(r)
	at := b.later(r)
	b.sleepers(r, `UPDATE incident SET wake_at = ? WHERE number > ? AND number <= ?`, at.UnixNano(), b.seeded/2, b.seeded/2+due)
	r.set(at)
	done := make(chan error, 1)
	go func() { done <- r.engine.Tick(b.Context()) }()
	var busy taken
	for over := false; !over; {
		part := b.post(r.webhookURL(), clients, l.fill)
		busy.n, busy.waits = busy.n+part.n, append(busy.waits, part.waits...)
		select {
		case err := <-done:
			b.ok(err)
			over = true
		default:
		}
	}
	b.say("| P12 p99 of answers while %d fall due at once (%.1f ms) : otherwise (%.1f ms) | %.1f | ≤ 3 |", due, ms(quantile(busy.waits, .99)),
		ms(quantile(idle.waits, .99)), float64(quantile(busy.waits, .99))/float64(quantile(idle.waits, .99)))
	b.summary.add(fmt.Sprintf("p99 of answers while %d fall due : otherwise", due), "2.5", "≤ 1.5", "%.1f", float64(quantile(busy.waits, .99))/float64(quantile(idle.waits, .99)))
}

// perCall is the mean time of a call, over a slice.
func perCall(slice time.Duration, f func()) time.Duration {
	n, begun := 0, time.Now()
	for time.Since(begun) < slice || n < 3 {
		f()
		n++
	}
	return time.Since(begun) / time.Duration(n)
}

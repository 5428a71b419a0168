package receiver_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"
	"time"

	"vigie/receiver"
)

// BenchmarkWebhook takes in deliveries over HTTP from 64 clients in a process of
// their own, each delivery of new incidents. The processor's time that it reports is
// the receiver's alone, whatever else runs; so is a profile. What it comes to beside
// what the machine can do at most, TestSpeed measures.
func BenchmarkWebhook(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(receiver.GCPercent))
	for _, alerts := range []int{1, 10, 100} {
		for _, many := range []bool{false, true} {
			if alerts == 1 && many {
				continue
			}
			b.Run(fmt.Sprintf("alerts=%d/many=%t", alerts, many), func(b *testing.B) {
				r := newRig(b, 0)
				b.ReportAllocs()
				b.ResetTimer()
				cpu, begun := spent(), time.Now()
				load := postFromElsewhere(b, posting{r.webhookURL(), 64, b.N, alerts, many, 0})
				took, cpu := time.Since(begun), spent()-cpu
				b.ReportMetric(float64(b.N)/took.Seconds(), "deliveries/s")
				b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N), "cpu-µs/delivery")
				b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N*alerts), "cpu-µs/alert")
				b.ReportMetric(float64(load.Nanoseconds())/1000/float64(b.N), "load-µs/delivery")
			})
		}
	}
}

// posting is what a process of its own posts.
type posting struct {
	url                string
	clients, n, alerts int
	many               bool
	after              int // the machines of so many are known already
}

const (
	postingVar  = "VIGIE_POSTING"
	postingForm = "%s %d %d %d %t %d"
)

// postFromElsewhere posts deliveries from a process of its own, and returns its
// processor's time.
func postFromElsewhere(t testing.TB, p posting) time.Duration {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestPosting$")
	c.Env = append(os.Environ(), postingVar+"="+fmt.Sprintf(postingForm, p.url, p.clients, p.n, p.alerts, p.many, p.after))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("posting: %v\n%s", err, out)
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

const (
	residentVar  = "VIGIE_RESIDENT"
	residentForm = "resident: %d %d %d"
)

// residentElsewhere is how much memory a receiver takes on a folder's database in a
// process of its own: when it has started, at the most while deliveries come, and at the
// most when somebody has looked at a list.
func residentElsewhere(t testing.TB, dir string, open int) (started, most, looked int) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestResident$", "-test.v")
	c.Env = append(os.Environ(), residentVar+"="+fmt.Sprintf("%d %s", open, dir))
	out, err := c.CombinedOutput()
	if at := bytes.Index(out, []byte("resident: ")); err == nil && at >= 0 {
		_, err = fmt.Sscanf(string(out[at:]), residentForm, &started, &most, &looked)
	}
	if err != nil || started == 0 {
		t.Fatalf("resident: %v\n%s", err, out)
	}
	return started, most, looked
}

// TestResident is that process.
func TestResident(t *testing.T) {
	var open int
	var dir string
	if _, err := fmt.Sscan(os.Getenv(residentVar), &open, &dir); err != nil {
		t.Skip("it is run by the measurement of many open incidents")
	}
	debug.SetGCPercent(receiver.GCPercent)
	r := newRig(t, 0, func(r *rig) { r.dir = dir })
	if err := r.engine.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	started := status("VmRSS")
	postFromElsewhere(t, posting{r.webhookURL(), 8, 5000, 10, false, open})
	most := status("VmHWM")
	if rows, err := r.engine.Rows(t.Context()); err != nil || len(rows) < open {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	fmt.Printf(residentForm+"\n", started, most, status("VmHWM"))
}

// TestPosting is that process.
func TestPosting(t *testing.T) {
	var p posting
	if _, err := fmt.Sscanf(os.Getenv(postingVar), postingForm, &p.url, &p.clients, &p.n, &p.alerts, &p.many, &p.after); err != nil {
		t.Skip("it is run by the benchmark of deliveries")
	}
	l := newLoad(p.alerts, p.many)
	l.next.Store(int64(p.after))
	postAll(t, p.url, p.clients, p.n, l)
}

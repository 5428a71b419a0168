package receiver_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/store"
)

// examine verifies the rig's database as the command line does, beside the engine.
func (r *rig) examine(kept ...store.Seal) *store.Verification {
	r.t.Helper()
	a, err := store.OpenArchive(r.t.Context(), filepath.Join(r.dir, "vigie.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Close()
	var v *store.Verification
	if err := a.View(r.t.Context(), func(tx *store.Tx) (err error) { v, err = tx.Verify(kept...); return err }); err != nil {
		r.t.Fatal(err)
	}
	if len(v.Faults) > 0 {
		r.t.Fatalf("faults: %v", v.Faults)
	}
	return v
}

func (r *rig) seal() store.Seal {
	r.t.Helper()
	if err := r.engine.Seal(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	s, found, err := r.engine.LatestSeal(r.t.Context())
	if err != nil || !found {
		r.t.Fatalf("no seal: %v", err)
	}
	return s
}

// A whole life of an incident, from payload to message, is sealed; a restart
// changes nothing of it, and after the retention it is gone.
func TestSealedAndCut(t *testing.T) {
	r := newRig(t, 0)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(61 * time.Second)
	first := r.seal()
	r.act(http.StatusOK, adm1Token, "i1", "close", map[string]string{"reason": "tried out"})
	r.pass(61 * time.Second)
	second := r.seal()
	if second.Number != first.Number+1 || !second.At.Equal(r.now()) {
		t.Errorf("seals %+v, %+v", first, second)
	}
	if again := r.seal(); again.Number != second.Number {
		t.Errorf("sealed though nothing grew: %+v", again)
	}
	if v := r.examine(first, second); v.Lines == 0 || v.Payloads != 1 || v.Messages == 0 || v.Seals != 2 {
		t.Errorf("examined %+v", v)
	}
	r.restart()
	r.fires(backup("dupont", "NAS-01", "primary"))
	r.pass(61 * time.Second)
	r.seal()
	for _, c := range []struct {
		days int
		want int // status of the old incident
	}{{700, http.StatusOK}, {731, http.StatusNotFound}} {
		r.set(monday.Add(time.Duration(c.days) * 24 * time.Hour))
		if err := r.engine.Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if code, text := r.request(http.MethodGet, "/api/v1/incidents/i1", adm1Token, nil); code != c.want {
			t.Errorf("after %d days: %d %s", c.days, code, text)
		}
		if code, _ := r.request(http.MethodGet, "/api/v1/incidents/i2", adm1Token, nil); code != http.StatusOK {
			t.Errorf("after %d days the open incident is gone", c.days)
		}
		r.seal()
	}
	if v := r.examine(second); v.Cut != second.Number {
		t.Errorf("cut at %d, want %d", v.Cut, second.Number)
	}
}

// K3: on a full disk deliveries get 503 and readiness is red; with room again
// both recover without a restart.
func TestFullDisk(t *testing.T) {
	const inside = "VIGIE_TEST_ON_A_SMALL_DISK"
	dir := os.Getenv(inside)
	if dir == "" {
		onSmallDisk(t, inside)
		return
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no small disk here: %v", err)
	}
	t.Setenv("TMPDIR", dir)
	r := newRig(t, 0)
	r.fails = true
	ready := func() int { code, _ := r.request(http.MethodGet, "/-/ready", "", nil); return code }
	r.fires(backup("dupont", "SRV-AD", "primary"))
	if got := ready(); got != http.StatusOK {
		t.Fatalf("ready is %d on a disk with room", got)
	}
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	info, err := filler.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := filler.Truncate(info.Size() - 1<<20); err != nil { // some room is left
		t.Fatal(err)
	}
	accepted, refused := 0, false
	var took time.Duration
	for n := range 20_000 {
		b := delivery("firing", monday.Add(time.Duration(n+1)*time.Second), time.Time{}, backup("dupont", "SRV-AD", "primary"))
		begun := time.Now()
		code, text := r.request(http.MethodPost, "/api/v1/alertmanager", hookToken, b)
		if code == http.StatusServiceUnavailable {
			took, refused = time.Since(begun), true
			break
		}
		if code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
		accepted++
	}
	if !refused || accepted == 0 || ready() != http.StatusServiceUnavailable {
		t.Fatalf("%d accepted, refused: %v, ready: %d", accepted, refused, ready())
	}
	if got := r.metric("vigie_store_disk_full"); got != 1 {
		t.Errorf("vigie_store_disk_full is %v", got)
	}
	// A person and the clock go on in the room that the ballast gave back.
	r.act(http.StatusOK, adm1Token, "i1", "note", map[string]string{"note": "I make room"})
	if err := r.engine.Upkeep(t.Context()); err == nil {
		t.Error("the ballast came back onto a full disk")
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	filler.Close()
	if err := r.engine.Upkeep(t.Context()); err != nil {
		t.Error(err)
	}
	r.fires(backup("dupont", "NAS-01", "primary"))
	if got := ready(); got != http.StatusOK {
		t.Errorf("ready is %d with room again", got)
	}
	r.seal()
	v := r.examine()
	if took > time.Second {
		t.Errorf("the first delivery on the full disk is refused after %s", took)
	}
	t.Logf("figure: full disk under the receiver: %d deliveries accepted while it filled, then 503 within %d ms and not ready; a person's act is taken from the ballast's room; with room again %d payloads kept of %d accepted",
		accepted, took.Milliseconds(), v.Payloads, accepted+2)
	if v.Payloads != accepted+2 {
		t.Errorf("%d payloads kept, %d accepted", v.Payloads, accepted+2)
	}
}

// onSmallDisk runs the test again where it may mount a disk of its own.
func onSmallDisk(t *testing.T, inside string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Fatalf("%v\n%s", err, out)
	case err != nil:
		t.Skipf("no namespaces here: %v", err)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	}
	t.Logf("%s", out)
}

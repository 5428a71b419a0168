package faults

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// The same as [TestFaultNetworkCut] with a cable that is pulled: the server is reached
// through a network namespace whose link goes down, so that the kernel loses what is sent.
func TestFaultKernelNetworkCut(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	n := newNamespace(t)
	w := wired(t, n.listen(), fmt.Sprintf("127.0.0.1:%d", s.Port))
	networkCut(t, s, w, func(cut bool) {
		state := "up"
		if cut {
			state = "down"
		}
		n.ip("-n", n.name, "link", "set", n.far, state)
	})
}

// namespace is a network of its own behind a pair of links.
type namespace struct {
	t               *testing.T
	name, near, far string
	address         string
}

// newNamespace makes one, or skips the test.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	pid := os.Getpid()
	n := &namespace{t: t, name: fmt.Sprint("vigie-", pid), near: fmt.Sprintf("vgn%d", pid), far: fmt.Sprintf("vgf%d", pid)}
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made here: %v %s", err, out)
	}
	t.Cleanup(func() { n.ip("netns", "del", n.name) })
	prefix := fmt.Sprintf("10.%d.%d.", 200+(pid>>8)%50, pid%256)
	n.address = prefix + "2"
	n.ip("link", "add", n.near, "type", "veth", "peer", "name", n.far, "netns", n.name)
	n.ip("addr", "add", prefix+"1/30", "dev", n.near)
	n.ip("link", "set", n.near, "up")
	n.ip("-n", n.name, "addr", "add", n.address+"/30", "dev", n.far)
	n.ip("-n", n.name, "link", "set", n.far, "up")
	return n
}

func (n *namespace) ip(arguments ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", arguments...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %v: %v %s", arguments, err, out)
	}
}

// listen listens inside: a socket belongs to the network it was made in.
func (n *namespace) listen() net.Listener {
	n.t.Helper()
	type made struct {
		net.Listener
		error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // the thread ends with this, as it has left our network
		f, err := os.Open("/run/netns/" + n.name)
		if err != nil {
			done <- made{nil, err}
			return
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- made{nil, err}
			return
		}
		l, err := net.Listen("tcp", n.address+":0")
		done <- made{l, err}
	}()
	m := <-done
	if m.error != nil {
		n.t.Fatal(m.error)
	}
	return m.Listener
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gone waits until no process has the id any more, zombies of others included.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && bytes.Contains(b, []byte(") Z ")) {
			return // ended; whoever adopted it has not noticed yet
		}
	}
	t.Fatalf("process %d is still there", pid)
}

// pidIn waits for a process id that a script writes into a file.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(file)
		if err != nil || !strings.HasSuffix(string(b), "\n") {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	t.Fatalf("%s was not written", file)
	return 0
}

func script(name, text string, args ...string) Program {
	return Program{Name: name, Path: "/bin/sh", Args: append([]string{"-c", text, name}, args...)}
}

func TestStopReachesWhatAChildStarted(t *testing.T) {
	dir := t.TempDir()
	g := NewGroup(dir)
	pid := filepath.Join(dir, "pid")
	// The grandchild ignores the polite request, and so does its parent.
	if err := g.Start(script("stubborn", `trap '' TERM; sleep 600 & echo $! > "$1"; wait; sleep 600`, pid)); err != nil {
		t.Fatal(err)
	}
	grandchild := pidIn(t, pid)
	child := g.children[0].pid
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	g.Stop(ctx)
	gone(t, child)
	gone(t, grandchild)
	select {
	case err := <-g.Died():
		t.Errorf("a child that was asked to end is reported: %v", err)
	default:
	}
}

func TestStopLetsAChildFinish(t *testing.T) {
	dir := t.TempDir()
	g := NewGroup(dir)
	if err := g.Start(script("polite", `trap 'echo finished; exit 0' TERM; echo ready; while :; do sleep 0.05; done`)); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "polite.log")
	waitFor(t, func() bool { b, _ := os.ReadFile(log); return strings.Contains(string(b), "ready") })
	g.Stop(t.Context())
	if b, _ := os.ReadFile(log); !strings.Contains(string(b), "finished") {
		t.Errorf("the child could not finish; its log: %s", b)
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 10 s")
		}
	}
}

func TestADeadChildIsReportedWithItsLog(t *testing.T) {
	g := NewGroup(t.TempDir())
	defer g.Stop(t.Context())
	if err := g.Start(script("failing", `for i in $(seq 40); do echo "line $i"; done; echo "no such table" >&2; exit 3`)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-g.Died():
		for _, want := range []string{"failing ended (exit status 3)", "failing.log", "line 40", "no such table"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not tell %q", err, want)
			}
		}
		if strings.Contains(err.Error(), "line 9\n") {
			t.Errorf("the whole log is quoted: %s", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not reported")
	}
}

func TestAProgramThatDoesNotExist(t *testing.T) {
	err := NewGroup(t.TempDir()).Start(Program{Name: "ghost", Path: "/nonexistent/ghost"})
	if err == nil || !strings.Contains(err.Error(), "ghost") {
		t.Errorf("got %v", err)
	}
}

// TestMain lets the test binary play a lab that is killed: it starts a child,
// says which, and waits.
func TestMain(m *testing.M) {
	if dir := os.Getenv("VIGIE_LAB_TEST_PARENT"); dir != "" {
		g := NewGroup(dir)
		if err := g.Start(script("orphan", `echo $$ > "$1"; sleep 600`, filepath.Join(dir, "pid"))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {}
	}
	os.Exit(m.Run())
}

func TestAKilledLabLeavesNothing(t *testing.T) {
	if !endsWithParent {
		t.Skip("only Linux ends children with their parent")
	}
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "VIGIE_LAB_TEST_PARENT="+dir)
	parent.Stderr = os.Stderr
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child := pidIn(t, filepath.Join(dir, "pid"))
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	gone(t, child)
}

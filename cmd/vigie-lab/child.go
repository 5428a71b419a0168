package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// grace is how long a program may take to end before it is killed.
	grace = 10 * time.Second
	// tail bounds what is read of a log to quote its end.
	tail = 64 << 10
)

// Program is a program to start.
type Program struct {
	Name string
	Path string
	Args []string
	// Env replaces our own environment, unless it is nil.
	Env []string
	// Dir is its working directory, LogFile where its output goes.
	Dir     string
	LogFile string
}

// Child is a started program with everything that it starts itself.
type Child struct {
	Program
	pid    int
	done   chan struct{} // closed when it has ended
	err    error         // how it ended; read it after done
	asked  chan struct{} // closed when it was asked to end
	asking sync.Once
}

// Start starts a program in a process group of its own: what a terminal sends
// on Ctrl-C reaches us alone, and one signal of ours reaches all that it started.
func Start(p Program) (*Child, error) {
	log, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.Dir, p.Env, log, log
	cmd.SysProcAttr = groupOfItsOwn()
	c := &Child{Program: p, done: make(chan struct{}), asked: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel sends the parent's death signal when the thread that
		// started the child ends, so that thread stays until the child has ended.
		runtime.LockOSThread()
		defer log.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid = cmd.Process.Pid
		started <- nil
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return c, nil
}

// Done is closed when the program has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Stop asks the program to end and waits for it. When grace has passed or ctx
// ends, everything that is left of its group is killed.
func (c *Child) Stop(ctx context.Context) {
	c.asking.Do(func() { close(c.asked) })
	c.signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	c.signal(syscall.SIGKILL)
	<-c.done
}

// signal reaches the whole group, also what outlived the program itself.
func (c *Child) signal(s syscall.Signal) { _ = syscall.Kill(-c.pid, s) }

// Died says that a program ended unasked, with the last that it wrote.
type Died struct {
	Name, LogFile, How, Log string
}

// Error names the program and quotes the end of its log.
func (d *Died) Error() string {
	return fmt.Sprintf("%s ended (%s); the end of %s:\n%s", d.Name, d.How, d.LogFile, d.Log)
}

// Died describes the end of a program, once it has ended; nil when it was asked to.
func (c *Child) Died() error {
	select {
	case <-c.asked:
		return nil
	default:
	}
	how := "exit status 0"
	if c.err != nil {
		how = c.err.Error()
	}
	return &Died{Name: c.Name, LogFile: c.LogFile, How: how, Log: lastLines(c.LogFile, 12, func(string) bool { return true })}
}

// lastLines quotes the last lines of a file that are wanted, indented.
func lastLines(name string, n int, wanted func(string) bool) string {
	f, err := os.Open(name)
	if err != nil {
		return "    (" + err.Error() + ")"
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-tail), io.SeekStart)
	}
	b, err := io.ReadAll(io.LimitReader(f, tail))
	if err != nil {
		return "    (" + err.Error() + ")"
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); line != "" && wanted(line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "    (nothing)"
	}
	lines = lines[max(0, len(lines)-n):]
	for i := range lines {
		if len(lines[i]) > 400 {
			lines[i] = lines[i][:400] + " ..."
		}
	}
	return "    " + strings.Join(lines, "\n    ")
}

// Group is the children of one lab.
type Group struct {
	LogDir string

	mu       sync.Mutex
	children []*Child
	died     chan error
}

// NewGroup returns an empty group; logs go to dir.
func NewGroup(dir string) *Group { return &Group{LogDir: dir, died: make(chan error, 1)} }

// Start starts a program; its old log is kept once as NAME.log.old.
func (g *Group) Start(p Program) error {
	p.LogFile = filepath.Join(g.LogDir, p.Name+".log")
	if err := os.Rename(p.LogFile, p.LogFile+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	c, err := Start(p)
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.children = append(g.children, c)
	g.mu.Unlock()
	go func() {
		<-c.Done()
		if err := c.Died(); err != nil {
			select {
			case g.died <- err:
			default: // an earlier one says enough
			}
		}
	}()
	return nil
}

// Kill ends a child at once, as a crash does.
func (g *Group) Kill(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.children {
		if c.Name == name {
			c.asking.Do(func() { close(c.asked) })
			c.signal(syscall.SIGKILL)
			<-c.done
			g.children = slices.Delete(g.children, i, i+1)
			return
		}
	}
}

// Died gives the first end of a child that nobody asked for.
func (g *Group) Died() <-chan error { return g.died }

// Stop ends all children at once and returns when none is left.
func (g *Group) Stop(ctx context.Context) {
	g.mu.Lock()
	children := g.children
	g.children = nil
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range children {
		wg.Go(func() { c.Stop(ctx) })
	}
	wg.Wait()
}

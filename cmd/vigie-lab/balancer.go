package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// dialWithin bounds how long the balancer waits for one receiver.
const dialWithin = time.Second

// balancer gives each connection to a receiver that lives: to the same one for as long
// as that does, as sessions of the pages live in one.
type balancer struct {
	net.Listener
	targets []string

	mu   sync.Mutex
	last int
}

// run passes connections on until the listener is closed.
func (b *balancer) run() {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		near, err := b.Accept()
		if err != nil {
			return
		}
		open.Go(func() { b.pass(near) })
	}
}

func (b *balancer) pass(near net.Conn) {
	defer near.Close()
	far := b.dial()
	if far == nil {
		return // none lives: the caller sees a connection that ends
	}
	defer far.Close()
	over := make(chan struct{}, 2)
	copied := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // whichever of them ends, both do
		over <- struct{}{}
	}
	go copied(far, near)
	go copied(near, far)
	<-over
}

// dial connects to the receiver that had the last connection, or to the next that
// lives.
func (b *balancer) dial() net.Conn {
	b.mu.Lock()
	first := b.last
	b.mu.Unlock()
	for i := range b.targets {
		n := (first + i) % len(b.targets)
		c, err := net.DialTimeout("tcp", b.targets[n], dialWithin)
		if err == nil {
			b.mu.Lock()
			b.last = n
			b.mu.Unlock()
			return c
		}
	}
	return nil
}

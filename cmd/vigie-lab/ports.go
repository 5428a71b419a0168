package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

const loopback = "127.0.0.1"

// Port is a port of this machine, kept busy by a listener of ours until its program starts.
type Port struct {
	Number   int
	listener net.Listener
}

// Free ports are looked for below the ephemeral range, so that no outgoing connection
// takes one between our closing it and the program listening on it.
const (
	lowest  = 20000
	highest = 29999
	tries   = 100
)

// Reserve listens on the port wanted, 0 being any, so that nobody else takes it. One
// that is only preferred is replaced by another when it is in use.
func Reserve(wanted int, preferred bool) (*Port, error) {
	if wanted == 0 {
		return takeAny()
	}
	l, err := net.Listen("tcp", hostPort(wanted))
	if preferred && errors.Is(err, syscall.EADDRINUSE) {
		return takeAny()
	}
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d is in use: name another one, or 0 for any", wanted)
		}
		return nil, err
	}
	return reserved(l), nil
}

func takeAny() (*Port, error) {
	for range tries {
		if l, err := net.Listen("tcp", hostPort(lowest+rand.IntN(highest-lowest+1))); err == nil {
			return reserved(l), nil
		}
	}
	l, err := net.Listen("tcp", hostPort(0))
	if err != nil {
		return nil, err
	}
	return reserved(l), nil
}

func reserved(l net.Listener) *Port {
	return &Port{Number: l.Addr().(*net.TCPAddr).Port, listener: l}
}

// Listener hands the port to a server of our own.
func (p *Port) Listener() net.Listener { return p.listener }

// Free stops listening, for a program that will listen there itself.
func (p *Port) Free() { _ = p.listener.Close() }

// Host is where everything listens, Addr is host:port, URL a base address.
func (p *Port) Host() string             { return loopback }
func (p *Port) Addr() string             { return hostPort(p.Number) }
func (p *Port) URL(scheme string) string { return scheme + "://" + p.Addr() }

func hostPort(n int) string { return net.JoinHostPort(loopback, strconv.Itoa(n)) }

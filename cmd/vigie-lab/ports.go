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

// Port is one port of this machine, held until a program is about to take it.
type Port struct {
	Number   int
	listener net.Listener
}

// Free ports are looked for below those that connections leave from, so that
// no connection takes one between our letting go and a program's listening.
const (
	lowest  = 20000
	highest = 29999
	tries   = 100
)

// Reserve holds the port wanted; 0 stands for any. One that is only preferred is
// replaced by any other when somebody has it already.
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
	return held(l), nil
}

func takeAny() (*Port, error) {
	for range tries {
		if l, err := net.Listen("tcp", hostPort(lowest+rand.IntN(highest-lowest+1))); err == nil {
			return held(l), nil
		}
	}
	l, err := net.Listen("tcp", hostPort(0))
	if err != nil {
		return nil, err
	}
	return held(l), nil
}

func held(l net.Listener) *Port {
	return &Port{Number: l.Addr().(*net.TCPAddr).Port, listener: l}
}

// Listener gives the held port to a server of our own.
func (p *Port) Listener() net.Listener { return p.listener }

// Free lets go of the port, for a program that will listen there itself.
func (p *Port) Free() { _ = p.listener.Close() }

// Host is where everything listens, Addr is host:port, URL a base address.
func (p *Port) Host() string             { return loopback }
func (p *Port) Addr() string             { return hostPort(p.Number) }
func (p *Port) URL(scheme string) string { return scheme + "://" + p.Addr() }

func hostPort(n int) string { return net.JoinHostPort(loopback, strconv.Itoa(n)) }

package main

import (
	"errors"
	"fmt"
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

// Take holds the port wanted; 0 stands for any. One that is only preferred is
// replaced by any other when somebody has it already.
func Take(wanted int, preferred bool) (*Port, error) {
	l, err := net.Listen("tcp", hostPort(wanted))
	if preferred && errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", hostPort(0))
	}
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("port %d is in use: name another one, or 0 for any", wanted)
		}
		return nil, err
	}
	return &Port{Number: l.Addr().(*net.TCPAddr).Port, listener: l}, nil
}

// Listener gives the held port to a server of our own.
func (p *Port) Listener() net.Listener { return p.listener }

// Free lets go of the port, for a program that will listen there itself.
func (p *Port) Free() { _ = p.listener.Close() }

// Addr is host:port, URL a base address.
func (p *Port) Addr() string             { return hostPort(p.Number) }
func (p *Port) URL(scheme string) string { return scheme + "://" + p.Addr() }

func hostPort(n int) string { return net.JoinHostPort(loopback, strconv.Itoa(n)) }

package programs

import (
	"maps"

	"mvdan.cc/sh/v3/syntax"
)

// flow is how what stands behind is passed over.
type flow byte

const (
	goesOn flow = iota
	leavesLoop
	nextTurn
	leavesFunction
	leavesScript
)

// state is how things stand at one place of the script.
type state struct {
	failed   bool // the call has failed
	told     bool // and what it wrote elsewhere was shown since
	last     code // $?
	idle     bool // it is what a test of settings came to, and tells of no failure
	pipe     code // the worst of PIPESTATUS
	job      code // of what was started last with &
	jobs     code // the worst of all
	leaving  code // with which the script began to end
	flow     flow
	errexit  bool
	pipefail bool
	onErr    string
	onExit   string
	vars     map[string]value
	frame    *frame
}

// frame is the call of a function.
type frame struct {
	site   *syntax.CallExpr
	params []value
	depth  int
}

func (s state) ended(c code) state {
	s.last, s.idle, s.pipe = c, false, c
	return s
}

func (s state) set(name string, v value) state {
	vars := make(map[string]value, len(s.vars)+1)
	maps.Copy(vars, s.vars)
	vars[name] = v
	s.vars = vars
	return s
}

// judged is the end of a test; it is idle if it asks for settings alone.
func (s state) judged(c code, idle bool) state {
	s = s.ended(c)
	s.idle = idle
	return s
}

// split parts a state by what its last code may be.
func split(s state) (on, off []state) {
	if s.last&good != 0 {
		on = []state{s}
		on[0].last = good
	}
	if s.last&bad != 0 {
		off = []state{s}
		off[0].last = bad
	}
	return on, off
}

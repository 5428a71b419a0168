package programs

import (
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// interpreter plays a script in which one call fails and all else goes well, on every way
// that its tests leave open.
type interpreter struct {
	at        *syntax.CallExpr   // the call that fails
	shows     []*syntax.CallExpr // the calls that show what it wrote elsewhere
	once      bool               // it fails the first time alone
	functions map[string]*syntax.Stmt
	counters  map[string]bool // variables that begin with nothing
	astray    bool            // what becomes of it cannot be followed
	steps     int
	branches  int  // that are being played
	sources   bool // functions of another file may be called
}

// swallows tells whether a script ends with 0 on all ways on which the call failed, and
// whether on one of them none of the calls behind it shows what it wrote. What cannot be
// followed does not.
func swallows(tree *syntax.File, at *syntax.CallExpr, shows []*syntax.CallExpr, errexit, pipefail bool) (lost, untold bool) {
	for _, once := range []bool{false, true} {
		in := &interpreter{at: at, shows: shows, once: once, functions: map[string]*syntax.Stmt{}, counters: counters(tree)}
		syntax.Walk(tree, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.FuncDecl:
				if n.Name != nil {
					in.functions[n.Name.Value] = n.Body
				}
			case *syntax.CallExpr:
				in.sources = in.sources || len(n.Args) > 0 && (n.Args[0].Lit() == "." || n.Args[0].Lit() == "source")
			}
			return true
		})
		met, told, silent := false, false, false
		for _, s := range in.all(tree.Stmts, []state{{last: good, errexit: errexit, pipefail: pipefail}}, false) {
			for _, end := range in.trapped(s) {
				met, told = met || end.failed, told || end.failed && end.last&bad != 0 && !end.idle
				silent = silent || end.failed && !end.told
			}
		}
		if met && !told && !in.astray {
			lost, untold = true, untold || silent
		}
	}
	return lost, untold
}

// each goes on from all states that have not left.
func (in *interpreter) each(states []state, next func(state) []state) []state {
	var out []state
	for _, s := range states {
		if in.steps++; in.astray || in.steps > 5_000 {
			in.astray = true
			return nil
		}
		if s.flow != goesOn {
			out = append(out, s)
			continue
		}
		out = append(out, next(s)...)
	}
	if len(out) > 8 {
		seen := map[string]bool{}
		out = slices.DeleteFunc(out, func(s state) bool {
			key := fmt.Sprint(s)
			double := seen[key]
			seen[key] = true
			return double
		})
	}
	in.astray = in.astray || len(out) > 64
	return out
}

func (in *interpreter) all(list []*syntax.Stmt, states []state, tested bool) []state {
	for _, stmt := range list {
		states = in.each(states, func(s state) []state { return in.stmt(stmt, s, tested) })
	}
	return states
}

// tested says that somebody looks at the code of a statement, and set -e does not.
func (in *interpreter) stmt(stmt *syntax.Stmt, s state, tested bool) []state {
	for _, r := range stmt.Redirs { // done < <(...)
		for _, word := range []*syntax.Word{r.Word, r.Hdoc} {
			if word == nil {
				continue
			}
			for _, after := range in.substituted(word, s) {
				s.failed, s.told = s.failed || after.failed, s.told || after.told
			}
		}
	}
	if stmt.Background || stmt.Coprocess || stmt.Disown {
		return in.apart(s, stmt, func(out, end state) state {
			out.job, out.jobs = end.last, max(out.jobs, end.last)
			return out.ended(good)
		})
	}
	states := in.command(stmt.Cmd, s, tested || stmt.Negated)
	if stmt.Negated {
		return in.each(states, func(s state) []state {
			s.last = s.last.not()
			return []state{s}
		})
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			return states
		}
	case *syntax.CallExpr, *syntax.Subshell, *syntax.TestClause, *syntax.ArithmCmd:
	default:
		return states
	}
	if tested {
		return states
	}
	return in.each(states, func(s state) []state {
		if s.last != bad || s.idle {
			return []state{s}
		}
		trap := s.onErr
		s.onErr = ""
		return in.each(in.script(trap, s), func(after state) []state {
			after = after.ended(bad)
			after.onErr = trap
			if after.errexit {
				after.flow = leavesScript
			}
			return []state{after}
		})
	})
}

// script plays a trap's.
func (in *interpreter) script(text string, s state) []state {
	tree, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return []state{s}
	}
	return in.all(tree.Stmts, []state{s}, true)
}

// trapped plays what the script does at its exit, which may change the code.
func (in *interpreter) trapped(s state) []state {
	s.flow, s.leaving = goesOn, s.last
	ends := in.script(s.onExit, s)
	for i := range ends {
		if ends[i].flow != leavesScript {
			ends[i].last, ends[i].idle = s.last, s.idle
		}
	}
	return ends
}

// apart plays a statement in a shell of its own: only its code comes back.
func (in *interpreter) apart(s state, stmt *syntax.Stmt, back func(out, end state) state) []state {
	inner := *stmt
	inner.Background, inner.Coprocess, inner.Disown = false, false, false
	return in.aside(s, []*syntax.Stmt{&inner}, false, back)
}

func (in *interpreter) aside(s state, list []*syntax.Stmt, tested bool, back func(out, end state) state) []state {
	var out []state
	for _, end := range in.all(list, []state{s}, tested) {
		after := s
		after.failed, after.told = end.failed, end.told
		out = append(out, back(after, end))
	}
	return out
}

func itsCode(out, end state) state { return out.judged(end.last, end.idle) }

func (in *interpreter) command(cmd syntax.Command, s state, tested bool) []state {
	one := []state{s}
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		return in.call(cmd, s, tested)
	case *syntax.BinaryCmd:
		return in.binary(cmd, s, tested)
	case *syntax.Block:
		return in.all(cmd.Stmts, one, tested)
	case *syntax.Subshell:
		return in.aside(s, cmd.Stmts, tested, itsCode)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			return in.stmt(cmd.Stmt, s, tested)
		}
	case *syntax.IfClause:
		return in.condition(cmd, s, tested)
	case *syntax.WhileClause:
		return in.loop(cmd, cmd.Cond, cmd.Do, s, tested)
	case *syntax.ForClause:
		return in.loop(cmd, nil, cmd.Do, s, tested)
	case *syntax.CaseClause:
		return in.choice(cmd, s, tested)
	case *syntax.TestClause:
		return []state{s.judged(in.test(cmd.X, s))}
	case *syntax.ArithmCmd:
		v, after := in.reckon(cmd.X, s)
		return []state{after.ended(v.code().not())}
	case *syntax.LetClause:
		for _, x := range cmd.Exprs {
			_, s = in.reckon(unquoted(x), s)
		}
		return []state{s.ended(good)}
	case *syntax.DeclClause:
		return in.each(in.substituted(cmd, s), func(s state) []state { return []state{in.assigned(cmd.Args, s).ended(good)} })
	}
	return []state{s.ended(good)}
}

func (in *interpreter) binary(cmd *syntax.BinaryCmd, s state, tested bool) []state {
	switch cmd.Op {
	case syntax.AndStmt, syntax.OrStmt:
		return in.each(in.stmt(cmd.X, s, true), func(s state) []state {
			on, off := split(s)
			if cmd.Op == syntax.OrStmt {
				on, off = off, on
			}
			return append(in.branch([]*syntax.Stmt{cmd.Y}, on, tested), off...)
		})
	}
	return in.each(in.aside(s, []*syntax.Stmt{cmd.X}, tested, itsCode), func(left state) []state { // set -e holds in both
		return in.aside(left, []*syntax.Stmt{cmd.Y}, tested, func(out, right state) state {
			out = itsCode(out, right)
			if left.last == bad {
				out.pipe = bad
				if s.pipefail {
					out.last = bad
				}
			}
			return out
		})
	})
}

func (in *interpreter) function(site *syntax.CallExpr, body *syntax.Stmt, params []value, s state, tested bool) []state {
	around := s.frame
	s.frame = &frame{site: site, params: params}
	if around != nil {
		s.frame.depth = around.depth + 1
		if len(site.Args) > 1 && allParams(site.Args[1]) { // run "$@"
			s.frame.site, s.frame.params = around.site, around.params
		}
	}
	if s.frame.depth > 8 {
		return []state{s.ended(either)}
	}
	states := in.all([]*syntax.Stmt{body}, []state{s}, tested)
	for i := range states {
		states[i].frame = around
		if states[i].flow == leavesFunction {
			states[i].flow = goesOn
		}
	}
	return states
}

// substituted plays $(...) and <(...); the code of the last of them is what stands then.
func (in *interpreter) substituted(under syntax.Node, s state) []state {
	var inner [][]*syntax.Stmt
	syntax.Walk(under, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			inner = append(inner, n.Stmts)
			return false
		case *syntax.ProcSubst:
			inner = append(inner, n.Stmts)
			return false
		}
		return true
	})
	states := []state{s}
	for _, list := range inner {
		states = in.each(states, func(s state) []state { return in.aside(s, list, true, itsCode) })
	}
	return states
}

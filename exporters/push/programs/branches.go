package programs

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// branch plays what is done on a condition.
func (in *interpreter) branch(list []*syntax.Stmt, states []state, tested bool) []state {
	in.branches++
	defer func() { in.branches-- }()
	return in.all(list, states, tested)
}

func (in *interpreter) condition(cmd *syntax.IfClause, s state, tested bool) []state {
	return in.each(in.all(cmd.Cond, []state{s}, true), func(s state) []state {
		on, off := split(s)
		out := in.branch(cmd.Then, on, tested)
		for _, s := range off {
			switch {
			case cmd.Else == nil:
				out = append(out, s.ended(good))
			case len(cmd.Else.Cond) > 0:
				out = append(out, in.condition(cmd.Else, s, tested)...)
			default:
				out = append(out, in.branch(cmd.Else.Then, []state{s}, tested)...)
			}
		}
		return out
	})
}

// loop plays two turns. One that tries again is not followed, and a while that does not
// read its turns from somewhere is taken for one.
func (in *interpreter) loop(cmd syntax.Node, cond, body []*syntax.Stmt, s state, tested bool) []state {
	if in.meets(cmd, map[string]bool{}) && (names(cmd, "break") || len(cond) > 0 && !names(cond[len(cond)-1], "read") || in.once && (names(cmd, "exit") || names(cmd, "return"))) {
		in.astray = true
		return nil
	}
	var out []state
	turns := []state{s}
	for range 2 {
		turns = in.each(turns, func(s state) []state { return in.all(body, []state{s.ended(good)}, tested) })
		for i := range turns {
			switch turns[i].flow {
			case nextTurn:
				turns[i].flow = goesOn
			case leavesLoop:
				turns[i].flow = goesOn
				out = append(out, turns[i])
				turns[i].flow = leavesLoop
			}
		}
		turns = slices.DeleteFunc(turns, func(s state) bool { return s.flow == leavesLoop })
	}
	out = append(out, turns...)
	if !slices.ContainsFunc(out, func(s state) bool { return s.failed }) || s.failed {
		out = append(out, s.ended(good)) // no turn at all
	}
	return out
}

// meets tells whether the call stands there, in a function that is called there, or is
// what a function is given to call.
func (in *interpreter) meets(under syntax.Node, seen map[string]bool) bool {
	found := false
	syntax.Walk(under, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			found = found || call == in.at || allParams(call.Args[0]) && in.functions[in.at.Args[0].Lit()] != nil
			if name := call.Args[0].Lit(); in.functions[name] != nil && !seen[name] {
				seen[name] = true
				found = found || in.meets(in.functions[name], seen)
			}
		}
		return !found
	})
	return found
}

// names tells whether a command of that name stands somewhere.
func names(under syntax.Node, name string) bool {
	found := false
	syntax.Walk(under, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		found = found || ok && len(call.Args) > 0 && call.Args[0].Lit() == name
		return !found
	})
	return found
}

func (in *interpreter) choice(cmd *syntax.CaseClause, s state, tested bool) []state {
	var out []state
	v := in.value(cmd.Word, s)
	for _, item := range cmd.Items {
		for _, pattern := range item.Patterns {
			fits := v.equals(value{text: pattern.Lit(), known: true})
			if strings.ContainsAny(pattern.Lit(), "*?[") || pattern.Lit() == "" {
				fits = either
			}
			if pattern.Lit() == "*" {
				fits = good
			}
			if fits&good != 0 {
				out = append(out, in.branch(item.Stmts, []state{s}, tested)...)
			}
			if fits == good {
				return out
			}
		}
	}
	return append(out, s.ended(good))
}

package programs

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// test is what [[ ]] comes to; idle if it asks for settings alone.
func (in *interpreter) test(x syntax.TestExpr, s state) (c code, idle bool) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return in.test(x.X, s)
	case *syntax.Word:
		return in.value(x, s).empty("-n")
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			c, idle = in.test(x.X, s)
			return c.not(), idle
		}
		if word, ok := x.X.(*syntax.Word); ok {
			return in.value(word, s).empty(x.Op.String())
		}
	case *syntax.BinaryTest:
		if x.Op != syntax.AndTest && x.Op != syntax.OrTest {
			a, _ := x.X.(*syntax.Word)
			b, _ := x.Y.(*syntax.Word)
			if globbed(b) {
				return either, in.value(a, s).setting()
			}
			return in.value(a, s).compared(x.Op.String(), in.value(b, s))
		}
		a, idleA := in.test(x.X, s)
		b, idleB := in.test(x.Y, s)
		sure := good // by which one of the two decides
		if x.Op == syntax.AndTest {
			sure = bad
		}
		switch {
		case a == sure || b == sure:
			return sure, false
		case a == b:
			return a, idleA && idleB
		}
		return either, idleA && idleB
	}
	return either, false
}

// globbed tells a pattern.
func globbed(word *syntax.Word) bool {
	return word != nil && slices.ContainsFunc(word.Parts, func(part syntax.WordPart) bool {
		lit, ok := part.(*syntax.Lit)
		return ok && strings.ContainsAny(lit.Value, "*?[")
	})
}

// words is what [ ] comes to.
func words(args []value) (code, bool) {
	if n := len(args); n > 0 && args[n-1].text == "]" {
		args = args[:n-1]
	}
	negated := len(args) > 1 && args[0].known && args[0].text == "!"
	if negated {
		c, idle := words(args[1:])
		return c.not(), idle
	}
	switch len(args) {
	case 1:
		return args[0].empty("-n")
	case 2:
		return args[1].empty(args[0].text)
	case 3:
		return args[0].compared(args[1].text, args[2])
	}
	return either, !slices.ContainsFunc(args, func(v value) bool { return v.nonzero || v.looked })
}

// empty is what a test of one word comes to.
func (v value) empty(op string) (code, bool) {
	c := either
	switch {
	case op != "-n" && op != "-z":
		return either, false // it looks at files
	case v.known && v.text == "":
		c = bad
	case v.known || v.nonzero:
		c = good
	}
	if op == "-z" {
		c = c.not()
	}
	return c, v.setting()
}

// compared is what a test of two comes to.
func (v value) compared(op string, other value) (code, bool) {
	idle := (v.setting() || v.known) && (other.setting() || other.known) && (v.setting() || other.setting())
	order := func(a, b value) code { // whether a is less
		x, errX := strconv.Atoi(a.text)
		y, errY := strconv.Atoi(b.text)
		switch {
		case a.known && b.known && errX == nil && errY == nil:
			return truth(x < y)
		case a.known && errX == nil && x <= 0 && b.nonzero:
			return good
		case b.known && errY == nil && y <= 1 && a.nonzero:
			return bad
		}
		return either
	}
	c := either
	switch op {
	case "-eq", "=", "==":
		c = v.equals(other)
	case "-ne", "!=":
		c = v.equals(other)
		c = c.not()
	case "-lt":
		c = order(v, other)
	case "-ge":
		c = order(v, other).not()
	case "-gt":
		c = order(other, v)
	case "-le":
		c = order(other, v).not()
	}
	return c, idle && c == either
}

package programs

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// code is what an exit code may be.
type code uint8

const (
	good code = 1 << iota
	bad
	either = good | bad
)

func (c code) not() code {
	if c == either {
		return c
	}
	return either &^ c
}

// value is what is known of a variable: its text; or that it is a code other than 0,
// or text that is not empty; or that a command gave it. Otherwise it is a setting.
type value struct {
	text    string
	known   bool
	nonzero bool
	looked  bool
}

func (c code) value() value {
	switch c {
	case good:
		return value{text: "0", known: true}
	case bad:
		return value{nonzero: true}
	}
	return value{looked: true}
}

func (v value) setting() bool { return !v.known && !v.nonzero && !v.looked }

// code is what exit makes of it.
func (v value) code() code {
	switch {
	case v.nonzero:
		return bad
	case v.known && strings.Trim(v.text, "0") == "":
		return good
	case v.known:
		return bad
	}
	return either
}

func (f *fate) assigned(list []*syntax.Assign, w world) world {
	for _, a := range list {
		if a.Name == nil || a.Naked {
			continue
		}
		v := value{known: true}
		switch {
		case a.Append && (a.Array == nil || len(a.Array.Elems) > 0):
			v = value{nonzero: true}
		case a.Value != nil:
			v = f.value(a.Value, w)
		case a.Array != nil && len(a.Array.Elems) > 0:
			v = value{looked: true}
			for _, e := range a.Array.Elems {
				if one := f.value(e.Value, w); one.nonzero {
					v = one
				}
			}
		}
		if was, is := w.vars[a.Name.Value]; a.Index != nil && (v.nonzero || is && !was.known) {
			v = value{looked: true} // one of several
		}
		w = w.set(a.Name.Value, v)
	}
	return w
}

func (f *fate) value(word *syntax.Word, w world) value {
	if word == nil {
		return value{known: true}
	}
	return f.parts(word.Parts, w)
}

func (f *fate) parts(list []syntax.WordPart, w world) value {
	if len(list) == 1 {
		return f.part(list[0], w)
	}
	out := value{known: true}
	for _, part := range list {
		v := f.part(part, w)
		switch {
		case v.nonzero || v.looked:
			return value{looked: true}
		case !v.known:
			out.known = false
		}
		out.text += v.text
	}
	if !out.known {
		return value{nonzero: out.text != ""} // there is text beside what nobody knows
	}
	return out
}

func (f *fate) part(part syntax.WordPart, w world) value {
	switch part := part.(type) {
	case *syntax.Lit, *syntax.SglQuoted:
		return value{text: plain([]syntax.WordPart{part}), known: true}
	case *syntax.DblQuoted:
		return f.parts(part.Parts, w)
	case *syntax.ArithmExp:
		v, _ := f.reckon(part.X, w)
		return v
	case *syntax.ParamExp:
		if part.Param == nil || part.Excl {
			break
		}
		v := f.variable(part.Param.Value, w)
		switch {
		case part.Length && v.known:
			return value{text: strconv.Itoa(len(v.text)), known: true}
		case part.Exp != nil:
			return f.expanded(v, part.Exp, w)
		case part.Slice != nil || part.Repl != nil:
			return v.changed()
		}
		return v
	}
	return value{looked: true}
}

// expanded is a variable with what stands for it where it is empty, or where it is not.
func (f *fate) expanded(v value, by *syntax.Expansion, w world) value {
	switch by.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if v.known && v.text == "" {
			return f.value(by.Word, w)
		}
		return v
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if v.nonzero || v.known && v.text != "" {
			return f.value(by.Word, w)
		}
		return v
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return v
	}
	return v.changed()
}

// changed is what is known of a text of which a part was taken.
func (v value) changed() value {
	v.known, v.looked, v.text = false, v.looked || v.known, ""
	return v
}

// itself stands for the number of the script's own process.
const itself = "$$"

// variable is a variable, or a counter that nothing has been added to yet.
func (f *fate) variable(name string, w world) value {
	if name == "$" {
		return value{text: itself, known: true}
	}
	if _, is := w.vars[name]; !is && f.counters[name] {
		return value{known: true}
	}
	return w.variable(name)
}

// counters are the variables to which a script adds.
func counters(tree *syntax.File) map[string]bool {
	out := map[string]bool{}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			if n.Name == nil || n.Value == nil {
				break
			}
			syntax.Walk(n.Value, func(in syntax.Node) bool {
				switch in := in.(type) {
				case *syntax.ParamExp:
					if in.Exp == nil && in.Param != nil && in.Param.Value == n.Name.Value {
						out[n.Name.Value] = true
					}
				case *syntax.ArithmExp:
					syntax.Walk(in.X, func(in syntax.Node) bool {
						word, ok := in.(*syntax.Word)
						out[n.Name.Value] = out[n.Name.Value] || ok && word.Lit() == n.Name.Value
						return true
					})
				}
				return true
			})
		case *syntax.UnaryArithm:
			if word, ok := n.X.(*syntax.Word); ok && n.Op == syntax.Inc {
				out[word.Lit()] = true
			}
		}
		return true
	})
	return out
}

// unquoted is what let reckons, which is quoted mostly.
func unquoted(x syntax.ArithmExpr) syntax.ArithmExpr {
	word, ok := x.(*syntax.Word)
	if !ok || word.Lit() != "" {
		return x
	}
	if inner, err := syntax.NewParser().Arithmetic(strings.NewReader(plain(word.Parts))); err == nil {
		return inner
	}
	return x
}

func (w world) variable(name string) value {
	switch {
	case name == "?":
		return w.last.value()
	case name == "PIPESTATUS" || name == "pipestatus":
		return w.pipe.value()
	case name == "@" || name == "*":
		if w.frame != nil && slices.ContainsFunc(w.frame.params, func(v value) bool { return v.nonzero || v.looked }) {
			return value{looked: true}
		}
	case w.frame != nil:
		if n, err := strconv.Atoi(name); err == nil && n > 0 {
			if n > len(w.frame.params) {
				return value{known: true}
			}
			return w.frame.params[n-1]
		}
	}
	return w.vars[name]
}

// reckon gives what (( )) comes to, and sets what it sets.
func (f *fate) reckon(x syntax.ArithmExpr, w world) (value, world) {
	switch x := x.(type) {
	case *syntax.Word:
		v := f.value(x, w)
		if name := x.Lit(); v.known && name != "" && strings.Trim(name, "0123456789") != "" {
			v = f.variable(name, w)
		}
		return v, w
	case *syntax.ParenArithm:
		return f.reckon(x.X, w)
	case *syntax.UnaryArithm:
		v, w := f.reckon(x.X, w)
		switch x.Op {
		case syntax.Not:
			return v.code().not().value(), w
		case syntax.Inc:
			if word, ok := x.X.(*syntax.Word); ok {
				w = w.set(word.Lit(), value{nonzero: true})
			}
			return value{nonzero: true}, w
		}
		return v, w
	case *syntax.BinaryArithm:
		return f.reckoned(x, w)
	}
	return value{looked: true}, w
}

func (f *fate) reckoned(x *syntax.BinaryArithm, w world) (value, world) {
	a, w := f.reckon(x.X, w)
	b, w := f.reckon(x.Y, w)
	op := map[syntax.BinAritOperator]string{syntax.Eql: "-eq", syntax.Neq: "-ne", syntax.Gtr: "-gt", syntax.Geq: "-ge", syntax.Lss: "-lt", syntax.Leq: "-le"}[x.Op]
	sum := value{looked: a.looked || b.looked, nonzero: a.nonzero || b.nonzero || a.known && a.code() == bad || b.known && b.code() == bad}
	if a.known && b.known && !sum.nonzero {
		sum = value{text: "0", known: true}
	}
	switch x.Op {
	case syntax.AndArit:
		if a.code() == good || b.code() == good {
			return good.value(), w
		}
	case syntax.Assgn:
		sum = b
		fallthrough
	case syntax.AddAssgn, syntax.OrAssgn:
		if word, ok := x.X.(*syntax.Word); ok {
			w = w.set(word.Lit(), sum)
		}
	}
	if op != "" {
		c, _ := a.compared(op, b)
		return c.not().value(), w // true is 1
	}
	return sum, w
}

// test is what [[ ]] comes to; idle if it asks for settings alone.
func (f *fate) test(x syntax.TestExpr, w world) (c code, idle bool) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return f.test(x.X, w)
	case *syntax.Word:
		return f.value(x, w).empty("-n")
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			c, idle = f.test(x.X, w)
			return c.not(), idle
		}
		if word, ok := x.X.(*syntax.Word); ok {
			return f.value(word, w).empty(x.Op.String())
		}
	case *syntax.BinaryTest:
		if x.Op != syntax.AndTest && x.Op != syntax.OrTest {
			a, _ := x.X.(*syntax.Word)
			b, _ := x.Y.(*syntax.Word)
			if globbed(b) {
				return either, f.value(a, w).setting()
			}
			return f.value(a, w).compared(x.Op.String(), f.value(b, w))
		}
		a, idleA := f.test(x.X, w)
		b, idleB := f.test(x.Y, w)
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

func truth(yes bool) code {
	if yes {
		return good
	}
	return bad
}

// equals tells whether two are the same.
func (v value) equals(other value) code {
	switch {
	case v.known && other.known:
		return truth(v.text == other.text)
	case v.nonzero && other.known && strings.Trim(other.text, "0") == "", other.nonzero && v.known && strings.Trim(v.text, "0") == "":
		return bad
	}
	return either
}

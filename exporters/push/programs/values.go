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

func (in *interpreter) assigned(list []*syntax.Assign, s state) state {
	for _, a := range list {
		if a.Name == nil || a.Naked {
			continue
		}
		v := value{known: true}
		switch {
		case a.Append && (a.Array == nil || len(a.Array.Elems) > 0):
			v = value{nonzero: true}
		case a.Value != nil:
			v = in.value(a.Value, s)
		case a.Array != nil && len(a.Array.Elems) > 0:
			v = value{looked: true}
			for _, e := range a.Array.Elems {
				if one := in.value(e.Value, s); one.nonzero {
					v = one
				}
			}
		}
		if was, is := s.vars[a.Name.Value]; a.Index != nil && (v.nonzero || is && !was.known) {
			v = value{looked: true} // one of several
		}
		s = s.set(a.Name.Value, v)
	}
	return s
}

func (in *interpreter) value(word *syntax.Word, s state) value {
	if word == nil {
		return value{known: true}
	}
	return in.parts(word.Parts, s)
}

func (in *interpreter) parts(list []syntax.WordPart, s state) value {
	if len(list) == 1 {
		return in.part(list[0], s)
	}
	out := value{known: true}
	for _, part := range list {
		v := in.part(part, s)
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

func (in *interpreter) part(part syntax.WordPart, s state) value {
	switch part := part.(type) {
	case *syntax.Lit, *syntax.SglQuoted:
		return value{text: plain([]syntax.WordPart{part}), known: true}
	case *syntax.DblQuoted:
		return in.parts(part.Parts, s)
	case *syntax.ArithmExp:
		v, _ := in.reckon(part.X, s)
		return v
	case *syntax.ParamExp:
		if part.Param == nil || part.Excl {
			break
		}
		v := in.variable(part.Param.Value, s)
		switch {
		case part.Length && v.known:
			return value{text: strconv.Itoa(len(v.text)), known: true}
		case part.Exp != nil:
			return in.expanded(v, part.Exp, s)
		case part.Slice != nil || part.Repl != nil:
			return v.changed()
		}
		return v
	}
	return value{looked: true}
}

// expanded is a variable with what stands for it where it is empty, or where it is not.
func (in *interpreter) expanded(v value, by *syntax.Expansion, s state) value {
	switch by.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if v.known && v.text == "" {
			return in.value(by.Word, s)
		}
		return v
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if v.nonzero || v.known && v.text != "" {
			return in.value(by.Word, s)
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
func (in *interpreter) variable(name string, s state) value {
	if name == "$" {
		return value{text: itself, known: true}
	}
	if _, is := s.vars[name]; !is && in.counters[name] {
		return value{known: true}
	}
	return s.variable(name)
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

func (s state) variable(name string) value {
	switch {
	case name == "?":
		return s.last.value()
	case name == "PIPESTATUS" || name == "pipestatus":
		return s.pipe.value()
	case name == "@" || name == "*":
		if s.frame != nil && slices.ContainsFunc(s.frame.params, func(v value) bool { return v.nonzero || v.looked }) {
			return value{looked: true}
		}
	case s.frame != nil:
		if n, err := strconv.Atoi(name); err == nil && n > 0 {
			if n > len(s.frame.params) {
				return value{known: true}
			}
			return s.frame.params[n-1]
		}
	}
	return s.vars[name]
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

package programs

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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

// reckon gives what (( )) comes to, and sets what it sets.
func (in *interpreter) reckon(x syntax.ArithmExpr, s state) (value, state) {
	switch x := x.(type) {
	case *syntax.Word:
		v := in.value(x, s)
		if name := x.Lit(); v.known && name != "" && strings.Trim(name, "0123456789") != "" {
			v = in.variable(name, s)
		}
		return v, s
	case *syntax.ParenArithm:
		return in.reckon(x.X, s)
	case *syntax.UnaryArithm:
		v, s := in.reckon(x.X, s)
		switch x.Op {
		case syntax.Not:
			return v.code().not().value(), s
		case syntax.Inc:
			if word, ok := x.X.(*syntax.Word); ok {
				s = s.set(word.Lit(), value{nonzero: true})
			}
			return value{nonzero: true}, s
		}
		return v, s
	case *syntax.BinaryArithm:
		return in.reckoned(x, s)
	}
	return value{looked: true}, s
}

func (in *interpreter) reckoned(x *syntax.BinaryArithm, s state) (value, state) {
	a, s := in.reckon(x.X, s)
	b, s := in.reckon(x.Y, s)
	op := map[syntax.BinAritOperator]string{syntax.Eql: "-eq", syntax.Neq: "-ne", syntax.Gtr: "-gt", syntax.Geq: "-ge", syntax.Lss: "-lt", syntax.Leq: "-le"}[x.Op]
	sum := value{looked: a.looked || b.looked, nonzero: a.nonzero || b.nonzero || a.known && a.code() == bad || b.known && b.code() == bad}
	if a.known && b.known && !sum.nonzero {
		sum = value{text: "0", known: true}
	}
	switch x.Op {
	case syntax.AndArit:
		if a.code() == good || b.code() == good {
			return good.value(), s
		}
	case syntax.Assgn:
		sum = b
		fallthrough
	case syntax.AddAssgn, syntax.OrAssgn:
		if word, ok := x.X.(*syntax.Word); ok {
			s = s.set(word.Lit(), sum)
		}
	}
	if op != "" {
		c, _ := a.compared(op, b)
		return c.not().value(), s // true is 1
	}
	return sum, s
}

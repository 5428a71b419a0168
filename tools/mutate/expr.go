package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// walker visits every part of an expression, changes it, calls emit, and puts it
// back.
type walker struct{ emit func(what string) }

// with sets a value for as long as emit takes.
func with[T any](w *walker, p *T, to T, what string) {
	was := *p
	*p = to
	w.emit(what)
	*p = was
}

func (w *walker) walk(e *parser.Expr) {
	switch n := (*e).(type) {
	case *parser.BinaryExpr:
		w.binary(e, n)
		w.walk(&n.LHS)
		w.walk(&n.RHS)
	case *parser.AggregateExpr:
		w.aggregate(n)
		w.walk(&n.Expr)
		if n.Param != nil {
			w.walk(&n.Param)
		}
	case *parser.Call:
		w.call(n)
		for i := range n.Args {
			w.walk(&n.Args[i])
		}
	case *parser.NumberLiteral:
		for _, to := range []float64{n.Val * 1.1, n.Val * 0.9} {
			if n.Val == 0 {
				to = 1
			}
			with(w, &n.Val, to, fmt.Sprintf("%v -> %v", n.Val, to))
			if n.Val == 0 {
				break
			}
		}
	case *parser.MatrixSelector:
		with(w, &n.Range, n.Range/2, fmt.Sprintf("[%v] -> half", n.Range))
		w.walk(&n.VectorSelector)
	case *parser.SubqueryExpr:
		with(w, &n.Range, n.Range/2, fmt.Sprintf("[%v:] -> half", n.Range))
		w.walk(&n.Expr)
	case *parser.VectorSelector:
		w.selector(n)
	case *parser.ParenExpr:
		w.walk(&n.Expr)
	case *parser.UnaryExpr:
		w.walk(&n.Expr)
	}
}

func (w *walker) binary(e *parser.Expr, n *parser.BinaryExpr) {
	others := map[parser.ItemType][]parser.ItemType{
		parser.GTR: {parser.GTE, parser.LSS}, parser.GTE: {parser.GTR, parser.LSS}, parser.LSS: {parser.LTE, parser.GTR}, parser.LTE: {parser.LSS, parser.GTR},
		parser.EQLC: {parser.NEQ}, parser.NEQ: {parser.EQLC}, parser.LAND: {parser.LUNLESS}, parser.LUNLESS: {parser.LAND},
		parser.ADD: {parser.SUB}, parser.SUB: {parser.ADD}, parser.MUL: {parser.DIV}, parser.DIV: {parser.MUL},
	}
	for _, op := range others[n.Op] {
		with(w, &n.Op, op, fmt.Sprintf("%s -> %s before %s", n.Op, op, brief(n.RHS)))
	}
	if n.Op.IsSetOperator() {
		with(w, e, parser.Expr(&parser.ParenExpr{Expr: n.LHS}), fmt.Sprintf("without %s %s", n.Op, brief(n.RHS)))
		if n.Op == parser.LOR {
			with(w, e, parser.Expr(&parser.ParenExpr{Expr: n.RHS}), "without "+brief(n.LHS)+" or")
		}
	}
	if m := n.VectorMatching; m != nil {
		w.list(&m.MatchingLabels, fmt.Sprintf("%s matching", n.Op))
	}
}

func (w *walker) aggregate(n *parser.AggregateExpr) {
	others := map[parser.ItemType]parser.ItemType{parser.MIN: parser.MAX, parser.MAX: parser.MIN, parser.SUM: parser.MAX, parser.COUNT: parser.MAX,
		parser.TOPK: parser.BOTTOMK}
	if op, ok := others[n.Op]; ok {
		with(w, &n.Op, op, fmt.Sprintf("%s -> %s (%s)", n.Op, op, brief(n.Expr)))
	}
	w.list(&n.Grouping, n.Op.String()+" by")
}

// list leaves out one label after the other.
func (w *walker) list(l *[]string, where string) {
	for i, name := range *l {
		with(w, l, slices.Delete(slices.Clone(*l), i, i+1), where+" without "+name)
	}
}

func (w *walker) call(n *parser.Call) {
	others := map[string]string{"max_over_time": "min_over_time", "min_over_time": "max_over_time", "avg_over_time": "max_over_time", "last_over_time": "min_over_time",
		"clamp_min": "clamp_max", "clamp_max": "clamp_min", "increase": "max_over_time", "rate": "max_over_time"}
	if to, ok := others[n.Func.Name]; ok {
		with(w, &n.Func, parser.Functions[to], fmt.Sprintf("%s -> %s (%s)", n.Func.Name, to, brief(n.Args[0])))
	}
}

func (w *walker) selector(n *parser.VectorSelector) {
	for i, m := range n.LabelMatchers {
		if m.Name == labels.MetricName {
			continue
		}
		with(w, &n.LabelMatchers, slices.Delete(slices.Clone(n.LabelMatchers), i, i+1), fmt.Sprintf("%s without %s", n.Name, m))
	}
	if n.OriginalOffset != 0 {
		with(w, &n.OriginalOffset, 0, n.Name+" without offset")
	}
}

// brief are the first words of an expression.
func brief(e parser.Expr) string {
	s := strings.Join(strings.Fields(e.String()), " ")
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}

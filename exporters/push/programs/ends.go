package programs

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// hidden says what a script's 0 tells of the calls that save.
type hidden struct {
	left  string // why it tells nothing of their end: nobody waits for it
	why   string // why it is 0 although one failed
	blind bool   // and what the program says of that is not seen either
}

// hides looks at the way from the program's code to the script's. What it cannot
// follow it trusts.
func (p *Program) hides(script string, options []string) hidden {
	var out hidden
	own, others := p.savers(script, options, 0)
	for _, r := range own {
		out.left = cmp.Or(out.left, r.left)
		if r.lost != "" && (out.why == "" || r.blind) {
			out.why, out.blind = r.lost, r.blind
		}
	}
	// One of several that may be the backup tells nothing of the others.
	if len(own) == 0 && len(others) > 0 && !slices.ContainsFunc(others, func(r reached) bool { return r.left == "" }) {
		out.left = others[0].left
	}
	return out
}

// savers are the calls of a script, and of scripts in it, by which the program
// saves, and others that may.
func (p *Program) savers(script string, options []string, depth int) (own, others []reached) {
	tree, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil || depth > 8 {
		return nil, nil
	}
	s := &follower{text: script, functions: map[string]*syntax.Stmt{}, flags: flags(tree),
		errexit: slices.ContainsFunc(options, exits.MatchString) || slices.Contains(options, "errexit"), pipefail: slices.Contains(options, "pipefail")}
	s.all(tree.Stmts, way{end: true, out: true, err: true})
	for _, r := range s.found {
		if inner := scriptOf(r.words); inner != "" {
			r.left = cmp.Or(r.left, p.left(r.words))
			a, b := p.savers(inner, shellOptions(r.words), depth+1)
			for _, list := range [][]reached{a, b} {
				for i := range list {
					q := &list[i]
					q.left, q.lost, q.blind = cmp.Or(r.left, q.left), cmp.Or(r.lost, q.lost), r.blind || q.blind
				}
			}
			own, others = append(own, a...), append(others, b...)
			continue
		}
		_, known := p.front(r.words)
		known = known && !p.unnamed
		if known {
			words, named := p.called(r.words)
			if kind, _ := p.Calls.of(p.Name, words, named); kind != callSaves {
				continue
			}
		}
		r.left = cmp.Or(p.left(r.words), r.left)
		if known {
			own = append(own, r)
		} else if p.mayHide(r.words) {
			others = append(others, r)
		}
	}
	return own, others
}

// way is how a command of a script is reached and what becomes of it.
type way struct {
	end     bool   // its code is the script's
	trust   bool   // the script looks at its code in a way of its own
	guarded bool   // set -e does not look at it
	lost    string // why it is not the script's
	left    string // why nobody waits for it
	fails   bool   // what stands behind it ends with another code than 0
	out     bool   // its two outputs are seen
	err     bool
}

func (w way) losing(why string) way {
	w.end, w.guarded, w.lost = false, true, cmp.Or(w.lost, why)
	return w
}

// trusted is the way of a command whose code the script itself looks at.
func (w way) trusted() way {
	w.end = true
	return w
}

// reached is a command of a script with the end of its way.
type reached struct {
	words []string
	left  string
	lost  string
	blind bool
}

// follower goes through a script in its order.
type follower struct {
	text      string
	errexit   bool
	pipefail  bool
	silent    bool // exec sent all outputs away
	functions map[string]*syntax.Stmt
	flags     map[string]bool // variables by which it decides
	depth     int
	found     []reached
}

var (
	exits = regexp.MustCompile(`^-[a-zA-Z]*e[a-zA-Z]*$`)
	// asked are the signs of a script that looks at codes in ways of its own.
	asked = regexp.MustCompile(`\$\?|\$\{\?|PIPESTATUS|pipestatus|\bERR\b`)
	// waited is a call of wait, with the number that it waits for or alone.
	waited = regexp.MustCompile(`(?:^|[;&|(){}\s])wait(?:\s+([-"'$%0-9])|\s*(?:$|[;&|)}\n]))`)
	// ends0 are commands that end with 0, as good as always.
	ends0 = regexp.MustCompile(`^(:|true|echo|printf|logger|mail|date|sleep|touch)$`)
	// shown are commands that write what they read to their output.
	shown = regexp.MustCompile(`^(tee|ts|cat)$`)
)

func (s *follower) all(list []*syntax.Stmt, w way) {
	last := len(list) - 1
	for last > 0 && bareExit(list[last]) {
		last-- // it ends with the code before it
	}
	for i, stmt := range list {
		if way := w; i < last {
			way.fails = w.fails || endsBadly(list[i+1:])
			way.end, way.lost = false, cmp.Or(w.lost, "the script goes on behind it and ends with the code of what comes last; put set -e in front")
			s.stmt(stmt, way)
			continue
		}
		s.stmt(stmt, w)
	}
}

func bareExit(stmt *syntax.Stmt) bool {
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	return ok && len(call.Args) == 1 && (call.Args[0].Lit() == "exit" || call.Args[0].Lit() == "return")
}

func (s *follower) stmt(stmt *syntax.Stmt, w way) {
	for _, r := range stmt.Redirs {
		w.redirect(r)
	}
	if stmt.Background || stmt.Coprocess || stmt.Disown {
		switch m := waited.FindStringSubmatch(s.text); {
		case m == nil:
			w.left = cmp.Or(w.left, "the script starts it with & and does not wait for its end")
		case m[1] == "":
			w = w.losing("wait alone ends with 0 whatever it ended with; give it the number: wait $!")
		default:
			w = w.trusted()
		}
	}
	if stmt.Negated {
		w = w.trusted()
	}
	s.command(stmt.Cmd, w)
}

func (s *follower) command(cmd syntax.Command, w way) {
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		s.call(cmd, w)
	case *syntax.BinaryCmd:
		s.binary(cmd, w)
	case *syntax.Block:
		s.all(cmd.Stmts, w)
	case *syntax.Subshell:
		s.all(cmd.Stmts, w)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			s.stmt(cmd.Stmt, w)
		}
	case *syntax.IfClause:
		s.condition(cmd, w)
	case *syntax.WhileClause:
		s.all(cmd.Cond, w.trusted())
		s.loop(cmd.Do, w)
	case *syntax.ForClause:
		s.loop(cmd.Do, w)
	case *syntax.CaseClause:
		for _, item := range cmd.Items {
			s.all(item.Stmts, w)
		}
	case *syntax.FuncDecl:
		if cmd.Name != nil {
			s.functions[cmd.Name.Value] = cmd.Body
		}
	case *syntax.DeclClause:
		s.substituted(cmd, w.losing("of export, local and their like the code is 0 whatever $(...) ended with"))
	case nil:
	default:
		s.substituted(cmd, w.trusted())
	}
}

func (s *follower) binary(cmd *syntax.BinaryCmd, w way) {
	switch cmd.Op {
	case syntax.AndStmt:
		left := w
		left.guarded = true // set -e looks at the last of a list alone
		left.trust = w.trust || w.fails && leavesWell([]*syntax.Stmt{cmd.Y})
		s.stmt(cmd.X, left)
	case syntax.OrStmt:
		if s.endsWell([]*syntax.Stmt{cmd.Y}) {
			s.stmt(cmd.X, w.losing("what stands behind || ends with 0 whatever it ended with"))
		} else {
			s.stmt(cmd.X, w.trusted())
		}
	default: // a pipe
		left := w
		if !s.pipefail {
			left = w.losing("of a pipe the last code counts; put set -o pipefail in front, which bash knows")
		}
		right, _ := cmd.Y.Cmd.(*syntax.CallExpr)
		left.out = w.out && right != nil && len(right.Args) > 0 && shown.MatchString(base(plain(right.Args[0].Parts)))
		if cmd.Op == syntax.PipeAll {
			left.err = left.out
		}
		s.stmt(cmd.X, left)
	}
	s.stmt(cmd.Y, w)
}

func (s *follower) condition(cmd *syntax.IfClause, w way) {
	failing := cmd.Then // where the last of the condition does not fail
	if n := len(cmd.Cond); n > 0 && !cmd.Cond[n-1].Negated {
		failing = nil
		if cmd.Else != nil {
			failing = cmd.Else.Then
		}
	}
	switch {
	case cmd.Else != nil && len(cmd.Else.Cond) > 0, // elif
		w.fails && failing == nil && leavesWell(cmd.Then):
		s.all(cmd.Cond, w.trusted())
	case s.endsWell(failing):
		for _, stmt := range cmd.Cond {
			negated := *stmt
			negated.Negated = false
			s.stmt(&negated, w.losing("if ends with 0 where it failed; put exit 1 there"))
		}
	default:
		s.all(cmd.Cond, w.trusted())
	}
	s.all(cmd.Then, w)
	if cmd.Else == nil {
		return
	}
	if len(cmd.Else.Cond) > 0 {
		s.condition(cmd.Else, w)
		return
	}
	s.all(cmd.Else.Then, w)
}

// loop follows what is done several times. One that is left early tries again.
func (s *follower) loop(list []*syntax.Stmt, w way) {
	for _, stmt := range list {
		if names(stmt, "break") {
			w.trust = true
			s.all(list, w)
			return
		}
	}
	if w.end {
		w.end, w.lost = false, "of a loop the code of the last turn counts; put set -e in front"
	}
	s.all(list, w)
}

func (s *follower) call(cmd *syntax.CallExpr, w way) {
	if len(cmd.Args) == 0 {
		for _, a := range cmd.Assigns {
			inner := w
			inner.out = false
			s.substituted(a, inner)
		}
		return
	}
	s.substituted(cmd, w.losing("inside $(...) of another command its code is lost"))
	words := make([]string, 0, len(cmd.Args))
	for _, word := range cmd.Args {
		words = append(words, plain(word.Parts))
	}
	switch words[0] {
	case "exec":
		if len(words) == 1 {
			s.silent = s.silent || !w.err
			return
		}
		words, w.end = words[1:], true
	case "set":
		s.set(words[1:])
		return
	}
	if body := s.functions[words[0]]; body != nil && s.depth < 8 {
		s.depth++
		w.fails = false // a return leaves the function alone
		s.stmt(body, w)
		s.depth--
		return
	}
	r := reached{words: words, left: w.left, blind: !w.err || s.silent}
	if !w.end && !w.trust && (!s.errexit || w.guarded) && !asked.MatchString(s.text) {
		r.lost = w.lost
	}
	s.found = append(s.found, r)
}

func (s *follower) set(options []string) {
	for i, o := range options {
		on := strings.HasPrefix(o, "-") || i > 0 && strings.HasPrefix(options[i-1], "-")
		switch {
		case o == "pipefail":
			s.pipefail = on
		case o == "errexit", exits.MatchString("-"+strings.TrimLeft(o, "-+")) && strings.ContainsAny(o[:min(1, len(o))], "-+"):
			s.errexit = on
		}
	}
}

// substituted follows what a substitution calls.
func (s *follower) substituted(in syntax.Node, w way) {
	syntax.Walk(in, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			s.all(n.Stmts, w)
			return false
		case *syntax.ProcSubst:
			s.all(n.Stmts, w.losing("inside <(...) its code is lost"))
			return false
		}
		return true
	})
}

// redirect follows where the two outputs go.
func (w *way) redirect(r *syntax.Redirect) {
	to, both := plain(r.Word.Parts), false
	switch r.Op {
	case syntax.DplOut:
		from := w.out
		switch {
		case to == "2":
			from = w.err
		case to == "-":
			from = false
		case to != "1":
			from, both = false, r.N == nil // >&file
		}
		switch {
		case both:
			w.out, w.err = false, false
		case r.N != nil && r.N.Value == "2":
			w.err = from
		default:
			w.out = from
		}
	case syntax.RdrAll, syntax.AppAll:
		w.out, w.err = false, false
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
		seen := strings.Contains(to, "$") && !strings.Contains(to, "/") || to == "/dev/stderr" || to == "/dev/stdout"
		switch {
		case r.N != nil && r.N.Value == "2":
			w.err = seen && w.err
		case r.N == nil || r.N.Value == "1":
			w.out = seen && w.out
		}
	}
}

// endsWell tells whether what is done after a failure ends with 0; nothing does. What
// notes the failure in a flag of the script does not.
func (s *follower) endsWell(list []*syntax.Stmt) bool {
	if len(list) == 0 {
		return true
	}
	for _, stmt := range list {
		bad := false
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.ArithmCmd, *syntax.LetClause:
				bad = true
			case *syntax.Assign:
				bad = bad || n.Name != nil && s.flags[n.Name.Value]
			case *syntax.CallExpr:
				if len(n.Args) == 0 {
					return true
				}
				switch n.Args[0].Lit() {
				case "exit", "return":
					bad = bad || len(n.Args) < 2 || n.Args[1].Lit() != "0"
				case "break", "continue":
					bad = true
				}
			}
			return true
		})
		if bad {
			return false
		}
	}
	switch cmd := list[len(list)-1].Cmd.(type) {
	case *syntax.Block:
		return s.endsWell(cmd.Stmts)
	case *syntax.Subshell:
		return s.endsWell(cmd.Stmts)
	case *syntax.CallExpr:
		if len(cmd.Args) == 0 {
			return false
		}
		name := base(plain(cmd.Args[0].Parts))
		return name == "exit" || name == "return" || ends0.MatchString(name)
	}
	return false
}

// flags are the variables that a script tests, runs or ends with.
func flags(in syntax.Node) map[string]bool {
	out := map[string]bool{}
	take := func(n syntax.Node) {
		syntax.Walk(n, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.ParamExp:
				if n.Param != nil {
					out[n.Param.Value] = true
				}
			case *syntax.Lit: // of (( ))
				out[n.Value] = true
			}
			return true
		})
	}
	syntax.Walk(in, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.TestClause, *syntax.ArithmCmd:
			take(n)
		case *syntax.CaseClause:
			take(n.Word)
		case *syntax.CallExpr:
			switch {
			case len(n.Args) == 0:
			case slices.Contains([]string{"exit", "return", "test", "["}, n.Args[0].Lit()):
				take(n)
			default:
				take(n.Args[0])
			}
		}
		return true
	})
	return out
}

// leavesWell tells whether a script, or a function of it, ends with 0 behind these.
func leavesWell(list []*syntax.Stmt) bool {
	call, ends := lastExit(list)
	return ends && (len(call.Args) < 2 || call.Args[1].Lit() == "0")
}

// endsBadly tells whether what stands there ends with a code that is not 0.
func endsBadly(list []*syntax.Stmt) bool {
	call, ends := lastExit(list)
	return ends && len(call.Args) > 1 && call.Args[1].Lit() != "0"
}

// lastExit is the exit or return that ends a list, also behind an &&.
func lastExit(list []*syntax.Stmt) (*syntax.CallExpr, bool) {
	if len(list) == 0 {
		return nil, false
	}
	switch cmd := list[len(list)-1].Cmd.(type) {
	case *syntax.Block:
		return lastExit(cmd.Stmts)
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt {
			return lastExit([]*syntax.Stmt{cmd.Y})
		}
	case *syntax.CallExpr:
		if len(cmd.Args) > 0 && (cmd.Args[0].Lit() == "exit" || cmd.Args[0].Lit() == "return") {
			return cmd, true
		}
	}
	return nil, false
}

// names tells whether a command of that name stands somewhere in a statement.
func names(stmt *syntax.Stmt, name string) bool {
	found := false
	syntax.Walk(stmt, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		found = found || ok && len(call.Args) > 0 && call.Args[0].Lit() == name
		return !found
	})
	return found
}

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
	if p.Calls != nil && p.Calls.Beside && slices.ContainsFunc(own, func(r reached) bool { return r.sure }) {
		own = slices.DeleteFunc(own, func(r reached) bool { return !r.sure })
	}
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
	errexit, pipefail := slices.ContainsFunc(options, exits.MatchString) || slices.Contains(options, "errexit"), slices.Contains(options, "pipefail")
	s := &follower{text: script, functions: map[string]*syntax.Stmt{}, sinks: newSinks(script, tree)}
	s.all(tree.Stmts, way{out: shown, err: shown})
	for _, r := range s.found {
		shows := s.sinks.told[r.err]
		r.blind = r.err != shown && len(shows) == 0
		if inner := scriptOf(r.words); inner != "" {
			r.lose(tree, shows, errexit, pipefail)
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
			r.sure = p.Calls != nil && p.Calls.surely(words)
		}
		r.left = cmp.Or(p.left(r.words), r.left)
		if known {
			r.lose(tree, shows, errexit, pipefail)
			own = append(own, r)
		} else if p.mayHide(r.words) {
			others = append(others, r)
		}
	}
	return own, others
}

// way is how a command of a script is reached and what becomes of its words.
type way struct {
	hint string // how its code comes to be lost, if it is
	left string // why nobody waits for it
	out  sink   // where its two outputs go
	err  sink
}

func (w way) hinting(why string) way {
	w.hint = cmp.Or(w.hint, why)
	return w
}

// reached is a command of a script with the end of its way.
type reached struct {
	at    *syntax.CallExpr
	words []string
	left  string
	hint  string
	lost  string // why the script ends with 0 whatever it ended with
	err   sink   // where its complaints go
	blind bool
	sure  bool // it saves, and is not only not known to save nothing
}

// lose finds out whether the script ends with 0 whatever the command ended with, and
// whether it always shows then what the command wrote elsewhere.
func (r *reached) lose(tree *syntax.File, shows []*syntax.CallExpr, errexit, pipefail bool) {
	if lost, untold := swallows(tree, r.at, shows, errexit, pipefail); lost {
		r.blind = r.blind || r.err != shown && untold
		r.lost = cmp.Or(r.hint, "the script sees that it failed and ends with 0 all the same; put exit 1 there")
	}
}

// follower goes through a script in its order.
type follower struct {
	text      string
	sinks     *sinks
	functions map[string]*syntax.Stmt
	site      *syntax.CallExpr // of the function, with its arguments
	args      []string
	depth     int
	found     []reached
}

var (
	exits = regexp.MustCompile(`^-[a-zA-Z]*e[a-zA-Z]*$`)
	// waited is a call of wait, with the number that it waits for or alone.
	waited = regexp.MustCompile(`(?:^|[;&|(){}\s])wait(?:\s+([-"'$%0-9])|\s*(?:$|[;&|)}\n]))`)
)

func (s *follower) all(list []*syntax.Stmt, w way) {
	for i, stmt := range list {
		if i < len(list)-1 {
			s.stmt(stmt, w.hinting("the script goes on behind it and ends with the code of what comes last; put set -e in front"))
			continue
		}
		s.stmt(stmt, w)
	}
}

func (s *follower) stmt(stmt *syntax.Stmt, w way) {
	w = s.sinks.now(w)
	before := w
	for _, r := range stmt.Redirs {
		s.redirected(stmt, r, w)
		s.sinks.redirect(&w, r)
	}
	if call, ok := stmt.Cmd.(*syntax.CallExpr); !ok || len(call.Args) != 1 || plain(call.Args[0].Parts) != "exec" {
		defer s.sinks.within(before, w)()
	}
	if stmt.Background || stmt.Coprocess || stmt.Disown {
		switch m := waited.FindStringSubmatch(s.text); {
		case m == nil:
			w.left = cmp.Or(w.left, "the script starts it with & and does not wait for its end")
		case m[1] == "":
			w.hint = "wait alone ends with 0 whatever it ended with; give it the number: wait $!"
		}
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
		defer s.sinks.apart()()
		s.all(cmd.Stmts, w)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			s.stmt(cmd.Stmt, w)
		}
	case *syntax.IfClause:
		s.all(cmd.Cond, w.hinting("if ends with 0 where it failed; put exit 1 there"))
		s.all(cmd.Then, w)
		for other := cmd.Else; other != nil; other = other.Else {
			s.all(other.Cond, w)
			s.all(other.Then, w)
		}
	case *syntax.WhileClause:
		s.all(cmd.Cond, w)
		s.all(cmd.Do, w.hinting(lastTurn))
	case *syntax.ForClause:
		s.all(cmd.Do, w.hinting(lastTurn))
	case *syntax.CaseClause:
		for _, item := range cmd.Items {
			s.all(item.Stmts, w)
		}
	case *syntax.FuncDecl:
		if cmd.Name != nil {
			s.functions[cmd.Name.Value] = cmd.Body
		}
	case *syntax.DeclClause:
		for _, a := range cmd.Args {
			s.assigned(a, w.hinting("of export, local and their like the code is 0 whatever $(...) ended with"))
		}
	case nil:
	default:
		s.substituted(cmd, w)
	}
}

const lastTurn = "of a loop the code of the last turn counts; put set -e in front"

func (s *follower) binary(cmd *syntax.BinaryCmd, w way) {
	switch cmd.Op {
	case syntax.AndStmt:
		s.stmt(cmd.X, w)
	case syntax.OrStmt:
		s.stmt(cmd.X, w.hinting("what stands behind || ends with 0 whatever it ended with"))
	default: // a pipe
		defer s.sinks.apart()()
		left := w.hinting("of a pipe the last code counts; put set -o pipefail in front, which bash knows")
		right, _ := cmd.Y.Cmd.(*syntax.CallExpr)
		if right == nil || len(right.Args) == 0 || !passesOn.MatchString(base(plain(right.Args[0].Parts))) {
			left.out = away
		}
		if cmd.Op == syntax.PipeAll {
			left.err = left.out
		}
		s.stmt(cmd.X, left)
	}
	s.stmt(cmd.Y, w)
}

func (s *follower) call(cmd *syntax.CallExpr, w way) {
	if len(cmd.Args) == 0 {
		for _, a := range cmd.Assigns {
			s.assigned(a, w)
		}
		return
	}
	var words []string
	at := cmd
	for i, word := range cmd.Args {
		if allParams(word) && s.site != nil {
			words = append(words, s.args...)
			if i == 0 {
				at = s.site
			}
			continue
		}
		words = append(words, s.sinks.words(word)...)
	}
	if len(words) == 0 {
		return
	}
	switch words[0] {
	case "exec":
		if len(words) == 1 {
			s.sinks.out, s.sinks.err = w.out, w.err
			return
		}
		words = words[1:]
	case "shift":
		s.args = s.args[min(1, len(s.args)):]
	}
	given := w.hinting("inside $(...) of another command its code is lost")
	body := s.functions[words[0]]
	switch {
	case body != nil && s.depth < 8:
		if s.function(cmd, body, words[1:], w) { // as log "$out" does
			for _, word := range cmd.Args[1:] {
				s.sinks.tell(cmd, word)
			}
		} else {
			given.out = away
		}
	case words[0] != "echo" && words[0] != "printf" && does.MatchString(base(words[0])):
		given.out = away
		fallthrough
	default:
		s.found = append(s.found, reached{at: at, words: words, left: w.left, hint: w.hint, err: w.err})
		s.sinks.shows(cmd, words[0], w)
	}
	s.substituted(cmd, given)
}

// function follows a call of one, and tells whether it writes what it is given.
func (s *follower) function(call *syntax.CallExpr, body *syntax.Stmt, arguments []string, w way) bool {
	site, args := s.site, s.args
	if s.site == nil || len(call.Args) < 2 || !allParams(call.Args[1]) {
		s.site = call
	}
	s.args = arguments
	s.depth++
	s.sinks.params = false
	s.stmt(body, w)
	s.depth--
	s.site, s.args = site, args
	return s.sinks.params
}

// assigned follows what an assignment calls, whose words the variable takes.
func (s *follower) assigned(a *syntax.Assign, w way) {
	w.out = away
	if a.Name != nil {
		w.out = sink("$" + a.Name.Value)
	}
	s.substituted(a, w)
}

// redirected follows what a redirection calls, as done < <(...) does. What the command
// reads is seen where it writes it, which loops mostly do.
func (s *follower) redirected(stmt *syntax.Stmt, r *syntax.Redirect, w way) {
	if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && (len(call.Args) == 0 || !passesOn.MatchString(base(plain(call.Args[0].Parts)))) {
		w.out = away
	}
	for _, word := range []*syntax.Word{r.Word, r.Hdoc} {
		if word != nil {
			s.substituted(word, w.hinting("what a redirection calls has a code that is lost"))
		}
	}
}

// substituted follows what a substitution calls.
func (s *follower) substituted(in syntax.Node, w way) {
	syntax.Walk(in, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			defer s.sinks.apart()()
			s.all(n.Stmts, w)
			return false
		case *syntax.ProcSubst:
			defer s.sinks.apart()()
			s.all(n.Stmts, w.hinting("inside <(...) its code is lost"))
			return false
		}
		return true
	})
}

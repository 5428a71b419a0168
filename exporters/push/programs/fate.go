package programs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// fate plays a script in which one call fails and all else goes well, on every way
// that its tests leave open.
type fate struct {
	at        *syntax.CallExpr
	once      bool // it fails the first time alone
	functions map[string]*syntax.Stmt
	counters  map[string]bool // variables that begin with nothing
	astray    bool            // what becomes of it cannot be followed
	steps     int
	branches  int  // that are being played
	sources   bool // functions of another file may be called
}

// swallows tells whether a script ends with 0 on all ways on which the call failed.
// What cannot be followed does not.
func swallows(tree *syntax.File, at *syntax.CallExpr, errexit, pipefail bool) bool {
	for _, once := range []bool{false, true} {
		f := &fate{at: at, once: once, functions: map[string]*syntax.Stmt{}, counters: counters(tree)}
		syntax.Walk(tree, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.FuncDecl:
				if n.Name != nil {
					f.functions[n.Name.Value] = n.Body
				}
			case *syntax.CallExpr:
				f.sources = f.sources || len(n.Args) > 0 && (n.Args[0].Lit() == "." || n.Args[0].Lit() == "source")
			}
			return true
		})
		met, told := false, false
		for _, w := range f.all(tree.Stmts, []world{{last: good, errexit: errexit, pipefail: pipefail}}, false) {
			for _, end := range f.trapped(w) {
				met, told = met || end.hit, told || end.hit && end.last&bad != 0 && !end.idle
			}
		}
		if met && !told && !f.astray {
			return true
		}
	}
	return false
}

// flow is how what stands behind is passed over.
type flow byte

const (
	goesOn flow = iota
	leavesLoop
	nextTurn
	leavesFunction
	leavesScript
)

// world is how things stand at one place of the script.
type world struct {
	hit      bool // the call has failed
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

func (w world) ended(c code) world {
	w.last, w.idle, w.pipe = c, false, c
	return w
}

func (w world) set(name string, v value) world {
	vars := make(map[string]value, len(w.vars)+1)
	for k, old := range w.vars {
		vars[k] = old
	}
	vars[name] = v
	w.vars = vars
	return w
}

// each goes on from all worlds that have not left.
func (f *fate) each(ws []world, next func(world) []world) []world {
	var out []world
	for _, w := range ws {
		if f.steps++; f.astray || f.steps > 5_000 {
			f.astray = true
			return nil
		}
		if w.flow != goesOn {
			out = append(out, w)
			continue
		}
		out = append(out, next(w)...)
	}
	if len(out) > 8 {
		seen := map[string]bool{}
		out = slices.DeleteFunc(out, func(w world) bool {
			key := fmt.Sprint(w)
			double := seen[key]
			seen[key] = true
			return double
		})
	}
	f.astray = f.astray || len(out) > 64
	return out
}

func (f *fate) all(list []*syntax.Stmt, ws []world, asked bool) []world {
	for _, stmt := range list {
		ws = f.each(ws, func(w world) []world { return f.stmt(stmt, w, asked) })
	}
	return ws
}

// asked says that somebody looks at the code of a statement, and set -e does not.
func (f *fate) stmt(stmt *syntax.Stmt, w world, asked bool) []world {
	for _, r := range stmt.Redirs { // done < <(...)
		for _, word := range []*syntax.Word{r.Word, r.Hdoc} {
			if word == nil {
				continue
			}
			for _, after := range f.substituted(word, w) {
				w.hit = w.hit || after.hit
			}
		}
	}
	if stmt.Background || stmt.Coprocess || stmt.Disown {
		return f.apart(w, stmt, func(out, end world) world {
			out.job, out.jobs = end.last, max(out.jobs, end.last)
			return out.ended(good)
		})
	}
	ws := f.command(stmt.Cmd, w, asked || stmt.Negated)
	if stmt.Negated {
		return f.each(ws, func(w world) []world {
			w.last = w.last.not()
			return []world{w}
		})
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			return ws
		}
	case *syntax.CallExpr, *syntax.Subshell, *syntax.TestClause, *syntax.ArithmCmd:
	default:
		return ws
	}
	if asked {
		return ws
	}
	return f.each(ws, func(w world) []world {
		if w.last != bad || w.idle {
			return []world{w}
		}
		trap := w.onErr
		w.onErr = ""
		return f.each(f.script(trap, w), func(after world) []world {
			after = after.ended(bad)
			after.onErr = trap
			if after.errexit {
				after.flow = leavesScript
			}
			return []world{after}
		})
	})
}

// script plays a trap's.
func (f *fate) script(text string, w world) []world {
	tree, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return []world{w}
	}
	return f.all(tree.Stmts, []world{w}, true)
}

// trapped plays what the script does at its exit, which may change the code.
func (f *fate) trapped(w world) []world {
	w.flow, w.leaving = goesOn, w.last
	ends := f.script(w.onExit, w)
	for i := range ends {
		if ends[i].flow != leavesScript {
			ends[i].last, ends[i].idle = w.last, w.idle
		}
	}
	return ends
}

// apart plays a statement in a shell of its own: only its code comes back.
func (f *fate) apart(w world, stmt *syntax.Stmt, back func(out, end world) world) []world {
	inner := *stmt
	inner.Background, inner.Coprocess, inner.Disown = false, false, false
	return f.aside(w, []*syntax.Stmt{&inner}, false, back)
}

func (f *fate) aside(w world, list []*syntax.Stmt, asked bool, back func(out, end world) world) []world {
	var out []world
	for _, end := range f.all(list, []world{w}, asked) {
		after := w
		after.hit = end.hit
		out = append(out, back(after, end))
	}
	return out
}

func itsCode(out, end world) world {
	out = out.ended(end.last)
	out.idle = end.idle
	return out
}

func (f *fate) command(cmd syntax.Command, w world, asked bool) []world {
	one := []world{w}
	switch cmd := cmd.(type) {
	case *syntax.CallExpr:
		return f.call(cmd, w, asked)
	case *syntax.BinaryCmd:
		return f.binary(cmd, w, asked)
	case *syntax.Block:
		return f.all(cmd.Stmts, one, asked)
	case *syntax.Subshell:
		return f.aside(w, cmd.Stmts, asked, itsCode)
	case *syntax.TimeClause:
		if cmd.Stmt != nil {
			return f.stmt(cmd.Stmt, w, asked)
		}
	case *syntax.IfClause:
		return f.condition(cmd, w, asked)
	case *syntax.WhileClause:
		return f.loop(cmd, cmd.Cond, cmd.Do, w, asked)
	case *syntax.ForClause:
		return f.loop(cmd, nil, cmd.Do, w, asked)
	case *syntax.CaseClause:
		return f.choice(cmd, w, asked)
	case *syntax.TestClause:
		c, idle := f.test(cmd.X, w)
		w = w.ended(c)
		w.idle = idle
		return []world{w}
	case *syntax.ArithmCmd:
		v, after := f.reckon(cmd.X, w)
		return []world{after.ended(v.code().not())}
	case *syntax.LetClause:
		for _, x := range cmd.Exprs {
			_, w = f.reckon(unquoted(x), w)
		}
		return []world{w.ended(good)}
	case *syntax.DeclClause:
		return f.each(f.substituted(cmd, w), func(w world) []world { return []world{f.assigned(cmd.Args, w).ended(good)} })
	}
	return []world{w.ended(good)}
}

func (f *fate) binary(cmd *syntax.BinaryCmd, w world, asked bool) []world {
	switch cmd.Op {
	case syntax.AndStmt, syntax.OrStmt:
		return f.each(f.stmt(cmd.X, w, true), func(w world) []world {
			on, off := split(w)
			if cmd.Op == syntax.OrStmt {
				on, off = off, on
			}
			return append(f.branch([]*syntax.Stmt{cmd.Y}, on, asked), off...)
		})
	}
	return f.each(f.aside(w, []*syntax.Stmt{cmd.X}, asked, itsCode), func(left world) []world { // set -e holds in both
		return f.aside(left, []*syntax.Stmt{cmd.Y}, asked, func(out, right world) world {
			out = out.ended(right.last)
			out.idle = right.idle
			if left.last == bad {
				out.pipe = bad
				if w.pipefail {
					out.last = bad
				}
			}
			return out
		})
	})
}

// branch plays what is done on a condition.
func (f *fate) branch(list []*syntax.Stmt, ws []world, asked bool) []world {
	f.branches++
	defer func() { f.branches-- }()
	return f.all(list, ws, asked)
}

// split parts a world by what its last code may be.
func split(w world) (on, off []world) {
	if w.last&good != 0 {
		yes := w
		yes.last = good
		on = []world{yes}
	}
	if w.last&bad != 0 {
		no := w
		no.last = bad
		off = []world{no}
	}
	return on, off
}

func (f *fate) condition(cmd *syntax.IfClause, w world, asked bool) []world {
	return f.each(f.all(cmd.Cond, []world{w}, true), func(w world) []world {
		on, off := split(w)
		out := f.branch(cmd.Then, on, asked)
		for _, w := range off {
			switch {
			case cmd.Else == nil:
				out = append(out, w.ended(good))
			case len(cmd.Else.Cond) > 0:
				out = append(out, f.condition(cmd.Else, w, asked)...)
			default:
				out = append(out, f.branch(cmd.Else.Then, []world{w}, asked)...)
			}
		}
		return out
	})
}

// loop plays two turns. One that tries again is not followed, and a while that does not
// read its turns from somewhere is taken for one.
func (f *fate) loop(cmd syntax.Node, cond, body []*syntax.Stmt, w world, asked bool) []world {
	if f.meets(cmd, map[string]bool{}) && (names(cmd, "break") || len(cond) > 0 && !names(cond[len(cond)-1], "read") || f.once && (names(cmd, "exit") || names(cmd, "return"))) {
		f.astray = true
		return nil
	}
	var out []world
	turns := []world{w}
	for range 2 {
		turns = f.each(turns, func(w world) []world { return f.all(body, []world{w.ended(good)}, asked) })
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
		turns = slices.DeleteFunc(turns, func(w world) bool { return w.flow == leavesLoop })
	}
	out = append(out, turns...)
	if !slices.ContainsFunc(out, func(w world) bool { return w.hit }) || w.hit {
		out = append(out, w.ended(good)) // no turn at all
	}
	return out
}

// meets tells whether the call stands there, in a function that is called there, or is
// what a function is given to call.
func (f *fate) meets(in syntax.Node, seen map[string]bool) bool {
	found := false
	syntax.Walk(in, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			found = found || call == f.at || allParams(call.Args[0]) && f.functions[f.at.Args[0].Lit()] != nil
			if name := call.Args[0].Lit(); f.functions[name] != nil && !seen[name] {
				seen[name] = true
				found = found || f.meets(f.functions[name], seen)
			}
		}
		return !found
	})
	return found
}

// names tells whether a command of that name stands somewhere.
func names(in syntax.Node, name string) bool {
	found := false
	syntax.Walk(in, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		found = found || ok && len(call.Args) > 0 && call.Args[0].Lit() == name
		return !found
	})
	return found
}

func (f *fate) choice(cmd *syntax.CaseClause, w world, asked bool) []world {
	var out []world
	v := f.value(cmd.Word, w)
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
				out = append(out, f.branch(item.Stmts, []world{w}, asked)...)
			}
			if fits == good {
				return out
			}
		}
	}
	return append(out, w.ended(good))
}

// What commands are to one who plays a script: those that do something, which goes well, and
// those that may look at what was done. Of all others nobody knows what they end with.
var (
	does  = regexp.MustCompile(`^(:|true|\.|source|exec|read|eval|command|pushd|popd|alias|basename|dirname|nproc|seq|echo|printf|logger|mailx?|sendmail|msmtp|mutt|apprise|dunstify|gotify|notify-send|ntfy|telegram-send|wall|date|sleep|touch|curl|wget|cd|mkdir|rm|rmdir|mv|cp|ln|chmod|chown|cat|tee|gzip|pigz|bzip2|xz|zstd|zip|7z|tar|gpg|openssl|split|sha256sum|md5sum|mount|umount|sync|kill|set|shift|shopt|trap|umask|ulimit|unset|export|rsync|rclone|restic|borg|aws|s3cmd|mysqldump|mariadb-dump|pg_dump|pg_dumpall|mysql|psql|docker|systemctl|service|hostname|find|ssh|scp|head|tail|sort|cut|wait|lvremove|lvcreate|zfs|btrfs)$`)
	looks = regexp.MustCompile(`^(\[|test|[efz]?grep|diff|cmp|stat|awk|jq|mountpoint|gunzip|pg_restore)$`)
)

// ordinary tells the commands that go well; where somebody asks for their code it
// may be for the sake of what they look at.
func (f *fate) ordinary(name string, asked bool) bool {
	name = base(name)
	return does.MatchString(name) || HandsOn(name) || name == base(plain(f.at.Args[0].Parts)) || !asked && quiet.MatchString(name) && !looks.MatchString(name)
}

func (f *fate) call(cmd *syntax.CallExpr, w world, asked bool) []world {
	if len(cmd.Args) == 0 {
		return f.each(f.substituted(cmd, w.ended(good)), func(after world) []world {
			w := w
			w.hit = after.hit
			return []world{f.assigned(cmd.Assigns, w).ended(after.last)}
		})
	}
	return f.each(f.substituted(cmd, w), func(after world) []world {
		after.last, after.idle, after.pipe = w.last, w.idle, w.pipe // until it has read them
		return f.simple(cmd, after, asked)
	})
}

func (f *fate) simple(cmd *syntax.CallExpr, w world, asked bool) []world {
	args := make([]value, 0, len(cmd.Args))
	for _, word := range cmd.Args {
		for _, part := range word.Parts { // : $((n += 1))
			if sum, ok := part.(*syntax.ArithmExp); ok {
				_, w = f.reckon(sum.X, w)
			}
		}
		args = append(args, f.value(word, w))
	}
	name := plain(cmd.Args[0].Parts)
	execs := name == "exec" && len(args) > 1
	at := cmd
	if allParams(cmd.Args[0]) && w.frame != nil {
		at = w.frame.site
	}
	body := f.functions[name]
	if w.hit && f.branches > 0 && (at == f.at || slices.Equal(written(cmd), written(f.at))) {
		f.astray = true // it tries again
	}
	switch {
	case body != nil:
		return f.function(cmd, body, args[1:], w, asked)
	case at == f.at:
		if f.once && w.hit {
			w = w.ended(good)
		} else {
			w.hit = true
			w = w.ended(bad)
		}
		if execs {
			w.flow = leavesScript
		}
		return []world{w}
	}
	return []world{f.builtin(name, args, cmd, w, asked)}
}

// written is a command as it stands there.
func written(cmd *syntax.CallExpr) (words []string) {
	for _, word := range cmd.Args {
		words = append(words, plain(word.Parts))
	}
	return words
}

func (f *fate) builtin(name string, args []value, cmd *syntax.CallExpr, w world, asked bool) world {
	switch name {
	case "exit", "return":
		w.flow = leavesScript
		if name == "return" {
			w.flow = leavesFunction
		}
		switch {
		case len(args) > 1:
			w = w.ended(args[1].code())
		case name == "exit" && w.leaving != 0:
			w = w.ended(w.leaving)
		}
		return w
	case "break":
		w.flow = leavesLoop
		return w
	case "continue":
		w.flow = nextTurn
		return w
	case "false":
		return w.ended(bad)
	case "test", "[":
		c, idle := words(args[1:])
		w = w.ended(c)
		w.idle = idle
		return w
	case "wait":
		switch {
		case len(args) < 2 || w.job == 0:
		case latest(cmd.Args[1]):
			return w.ended(w.job)
		default:
			return w.ended(w.jobs)
		}
	case "kill":
		f.astray = f.astray || w.hit && slices.ContainsFunc(args, func(v value) bool { return v.text == itself })
	case "read", "readarray", "mapfile", "printf":
		for _, v := range args[1:] {
			if _, is := w.vars[v.text]; is {
				w = w.set(v.text, value{looked: true})
			}
		}
	case "shift":
		if w.frame != nil && len(w.frame.params) > 0 {
			w.frame = &frame{site: w.frame.site, params: w.frame.params[1:], depth: w.frame.depth}
		}
	case "set":
		for _, word := range cmd.Args[1:] {
			w.errexit, w.pipefail = options(plain(word.Parts), w.errexit, w.pipefail, cmd)
		}
	case "trap":
		for _, word := range cmd.Args[min(2, len(cmd.Args)):] {
			switch plain(word.Parts) {
			case "ERR":
				w.onErr = plain(cmd.Args[1].Parts)
			case "EXIT", "0":
				w.onExit = plain(cmd.Args[1].Parts)
			}
		}
	}
	if f.ordinary(name, asked) {
		return w.ended(good)
	}
	if f.sources && w.hit && !strings.ContainsAny(name, "/$") {
		w.flow = leavesScript
	}
	return w.ended(either)
}

// options takes one word of set.
func options(word string, errexit, pipefail bool, cmd *syntax.CallExpr) (bool, bool) {
	on := strings.HasPrefix(word, "-")
	switch {
	case word == "pipefail":
		return errexit, !strings.HasPrefix(plain(cmd.Args[1].Parts), "+")
	case word == "errexit":
		return !strings.HasPrefix(plain(cmd.Args[1].Parts), "+"), pipefail
	case exits.MatchString("-" + strings.TrimLeft(word, "-+")):
		return on, pipefail
	}
	return errexit, pipefail
}

// allParams tells "$@" and its like.
func allParams(word *syntax.Word) bool { return param(word, "@", "*") }

// latest tells "$!".
func latest(word *syntax.Word) bool { return param(word, "!") }

func param(word *syntax.Word, of ...string) bool {
	parts := word.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	if len(parts) != 1 {
		return false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	return ok && p.Param != nil && slices.Contains(of, p.Param.Value)
}

func (f *fate) function(site *syntax.CallExpr, body *syntax.Stmt, params []value, w world, asked bool) []world {
	around := w.frame
	w.frame = &frame{site: site, params: params}
	if around != nil {
		w.frame.depth = around.depth + 1
		if len(site.Args) > 1 && allParams(site.Args[1]) { // run "$@"
			w.frame.site, w.frame.params = around.site, around.params
		}
	}
	if w.frame.depth > 8 {
		return []world{w.ended(either)}
	}
	ws := f.all([]*syntax.Stmt{body}, []world{w}, asked)
	for i := range ws {
		ws[i].frame = around
		if ws[i].flow == leavesFunction {
			ws[i].flow = goesOn
		}
	}
	return ws
}

// substituted plays $(...) and <(...); the code of the last of them is what stands then.
func (f *fate) substituted(in syntax.Node, w world) []world {
	var inner [][]*syntax.Stmt
	syntax.Walk(in, func(n syntax.Node) bool {
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
	ws := []world{w}
	for _, list := range inner {
		ws = f.each(ws, func(w world) []world { return f.aside(w, list, true, itsCode) })
	}
	return ws
}

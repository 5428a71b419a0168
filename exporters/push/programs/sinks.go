package programs

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// sink is where an output of a command goes: a file or a variable by its name, as the
// script writes it.
type sink string

const (
	shown sink = ""  // vigie-run sees it
	away  sink = "-" // nobody does
)

// sinks follows where outputs go in a script, and which of these places it shows.
type sinks struct {
	text   string
	values map[string][]*syntax.Word // what the script puts into its variables
	arrays map[string][]*syntax.Word
	told   map[sink][]*syntax.CallExpr // the calls that show what went there
	// out and err are where exec sent all that comes, numbers what else it keeps open.
	out, err sink
	numbers  map[string]sink
	params   bool // a function wrote what it was given
}

func newSinks(text string, tree *syntax.File) *sinks {
	s := &sinks{text: text, values: map[string][]*syntax.Word{}, arrays: map[string][]*syntax.Word{}, told: map[sink][]*syntax.CallExpr{}, numbers: map[string]sink{}}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Assign:
			switch {
			case n.Name == nil:
			case n.Value != nil:
				s.values[n.Name.Value] = append(s.values[n.Name.Value], n.Value)
			case n.Array != nil:
				for _, e := range n.Array.Elems {
					if e.Value != nil {
						s.arrays[n.Name.Value] = append(s.arrays[n.Name.Value], e.Value)
					}
				}
			}
		case *syntax.ParamExp: // : ${LOG:=/var/log/b.log}
			if n.Param != nil && n.Exp != nil && n.Exp.Word != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
				s.values[n.Param.Value] = append(s.values[n.Param.Value], n.Exp.Word)
			}
		}
		return true
	})
	return s
}

// now is the way of a command behind all calls of exec.
func (s *sinks) now(w way) way {
	if w.out == shown {
		w.out = s.out
	}
	if w.err == shown {
		w.err = s.err
	}
	return w
}

// within has a command's redirections count for what it holds, and gives how to end that.
func (s *sinks) within(before, w way) (back func()) {
	out, err := s.out, s.err
	if w.out != before.out {
		s.out = w.out
	}
	if w.err != before.err {
		s.err = w.err
	}
	return func() {
		if w.out != before.out {
			s.out = out
		}
		if w.err != before.err {
			s.err = err
		}
	}
}

// apart has exec count until a shell of its own ends.
func (s *sinks) apart() (back func()) {
	out, err, numbers := s.out, s.err, maps.Clone(s.numbers)
	return func() { s.out, s.err, s.numbers = out, err, numbers }
}

// redirect follows where the two outputs go.
func (s *sinks) redirect(w *way, r *syntax.Redirect) {
	number := "1"
	if r.N != nil {
		number = r.N.Value
	}
	var to sink
	switch r.Op {
	case syntax.DplOut:
		switch from := plain(r.Word.Parts); {
		case from == "1":
			to = w.out
		case from == "2":
			to = w.err
		case from == "-":
			to = away
		case strings.Trim(from, "0123456789") == "":
			kept, known := s.numbers[from]
			if to = kept; !known {
				to = away
			}
		case r.N == nil: // >&file
			to = s.place(r.Word)
			w.err = to
		}
	case syntax.RdrAll, syntax.AppAll:
		to = s.place(r.Word)
		w.err = to
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob:
		to = s.place(r.Word)
		if to == shown && number == "2" {
			to = w.err // a name that nobody knows: where it went before
		}
	default:
		return
	}
	switch number {
	case "1":
		w.out = to
	case "2":
		w.err = to
	default:
		s.numbers[number] = to
	}
}

var (
	// screen are the files that are the outputs themselves.
	screen = regexp.MustCompile(`^/(dev/(stdout|stderr|tty|console|fd/\d+)|proc/(self|1)/fd/\d+)$`)
	// sought is a program that is asked for.
	sought = regexp.MustCompile("^(?:\\$\\(|`)\\s*(?:which|command -v|type -[pP])\\s+\"?([\\w./-]+)")
	// passesOn are commands that write what they read to their output.
	passesOn = regexp.MustCompile(`^(tee|ts|cat|tail)$`)
	// keeps are commands that write nothing of what they read.
	keeps = regexp.MustCompile(`^(logger|systemd-cat|gzip|xz|zstd|mailx?|mutt|sendmail|msmtp)$`)
)

// place is where > sends an output; a name that nobody knows is trusted.
func (s *sinks) place(word *syntax.Word) sink {
	if len(word.Parts) == 1 {
		if inner, ok := word.Parts[0].(*syntax.ProcSubst); ok {
			return s.ofProcess(inner)
		}
	}
	name := named(word.Parts)
	switch {
	case name == "/dev/null":
		return away
	case s.visible(word, 0):
		return shown
	}
	return sink(name)
}

// ofProcess is what becomes of what goes into >(...), if the last command of its pipe
// passes that on.
func (s *sinks) ofProcess(inner *syntax.ProcSubst) sink {
	for _, stmt := range inner.Stmts {
		for pipe, ok := stmt.Cmd.(*syntax.BinaryCmd); ok; pipe, ok = stmt.Cmd.(*syntax.BinaryCmd) {
			stmt = pipe.Y
		}
		w := way{out: shown, err: shown}
		for _, r := range stmt.Redirs {
			s.redirect(&w, r)
		}
		if w.out != shown {
			return w.out
		}
	}
	hidden := false
	syntax.Walk(inner, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 && keeps.MatchString(base(plain(call.Args[0].Parts))) {
			hidden = !slices.ContainsFunc(call.Args[1:], func(w *syntax.Word) bool { // logger -s says it as well
				word := plain(w.Parts)
				return word == "--stderr" || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "s")
			})
		}
		return true
	})
	if hidden {
		return away
	}
	return shown
}

// visible tells whether a file may be one of the outputs themselves: what is named so,
// and what a variable holds that the script does not fill.
func (s *sinks) visible(word *syntax.Word, depth int) bool {
	parts := word.Parts
	for len(parts) == 1 {
		switch part := parts[0].(type) {
		case *syntax.DblQuoted:
			parts = part.Parts
			continue
		case *syntax.CmdSubst: // as of mktemp
			return false
		case *syntax.ParamExp:
			if part.Exp != nil && part.Exp.Word != nil && len(part.Exp.Word.Parts) > 0 && depth < 4 {
				return s.visible(part.Exp.Word, depth+1)
			}
			values := s.values[variableOf(part)]
			return len(values) == 0 || depth == 4 || slices.ContainsFunc(values, func(v *syntax.Word) bool { return s.visible(v, depth+1) })
		}
		break
	}
	name := named(parts)
	return name == "" || screen.MatchString(name)
}

// shows remembers what a command writes to an output that is seen.
func (s *sinks) shows(call *syntax.CallExpr, name string, w way) {
	files, texts := passesOn.MatchString(base(name)), name == "echo" || name == "printf"
	if w.out != shown || !files && !texts {
		return
	}
	for _, word := range call.Args[1:] {
		if files {
			file := sink(named(word.Parts))
			s.told[file] = append(s.told[file], call)
			continue
		}
		s.tell(call, word)
	}
}

// tell remembers that a call shows the variables in a word.
func (s *sinks) tell(call *syntax.CallExpr, word *syntax.Word) {
	syntax.Walk(word, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil {
			variable := sink("$" + p.Param.Value)
			s.told[variable] = append(s.told[variable], call)
			s.params = s.params || strings.Trim(p.Param.Value, "@*0123456789") == ""
		}
		return true
	})
}

// words are those of a command's word: of a variable, such as $RSYNC or "${command[@]}",
// what the script puts into it, unless that is an option.
func (s *sinks) words(word *syntax.Word) []string {
	as := plain(word.Parts)
	if as != "$" {
		return []string{as}
	}
	if out := s.held(word, 0); len(out) > 0 && !strings.HasPrefix(out[0], "-") {
		return out
	}
	return []string{as}
}

// held is what a variable holds, nothing where that is not known.
func (s *sinks) held(word *syntax.Word, depth int) (out []string) {
	parts := word.Parts
	if quoted, ok := parts[0].(*syntax.DblQuoted); ok && len(parts) == 1 {
		parts = quoted.Parts
	}
	if len(parts) != 1 || depth > 4 {
		return strings.Fields(plain(parts))
	}
	switch part := parts[0].(type) {
	case *syntax.CmdSubst: // which rsync
		if asked := sought.FindStringSubmatch(s.source(part)); asked != nil {
			return []string{asked[1]}
		}
		return nil
	case *syntax.ParamExp:
		if part.Exp != nil && part.Exp.Word != nil && len(part.Exp.Word.Parts) > 0 {
			return s.held(part.Exp.Word, depth+1)
		}
		if list := s.arrays[variableOf(part)]; part.Index != nil && len(list) > 0 {
			for _, one := range list {
				out = append(out, plain(one.Parts))
			}
			return out
		}
		for _, value := range s.values[variableOf(part)] {
			if held := s.held(value, depth+1); len(held) > 0 {
				out = held
			}
		}
		return out
	}
	return strings.Fields(plain(parts))
}

// variableOf is the name in an expansion; empty where it has none.
func variableOf(p *syntax.ParamExp) string {
	if p.Param == nil {
		return ""
	}
	return p.Param.Value
}

// source is what stands in the script.
func (s *sinks) source(n syntax.Node) string {
	return s.text[n.Pos().Offset():n.End().Offset()]
}

// named is a word with the names of its variables.
func named(parts []syntax.WordPart) string {
	var out strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.DblQuoted:
			out.WriteString(named(part.Parts))
		case *syntax.ParamExp:
			out.WriteString("$" + variableOf(part))
		default:
			out.WriteString(plain([]syntax.WordPart{part}))
		}
	}
	return out.String()
}

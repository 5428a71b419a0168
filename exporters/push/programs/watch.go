package programs

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxLine is how much of a line patterns look at.
	maxLine = 64 << 10
	// keptLog is how much of the output is kept to explain a failure.
	keptLog = 256 << 10
)

// Verdict is what a run came to.
type Verdict struct {
	Result Result
	Words  string // why, if it is no success
	// Size and Files are -1 if the output does not tell them.
	Size, Files int64
}

// Watch looks at the output of one run, line by line, in bounded memory.
type Watch struct {
	program   *Program
	arguments []string
	script    string // that calls the program
	call      call
	callWords string
	lockTaken int    // the code of a flock in front that gave up, 0 for none
	left      string // why nobody waits for the end
	hidden    hidden // what a script does to the program's code
	own       bool   // the command ends with the program's own code
	killed1   bool   // 1 may also mean that the program was killed
	data      bool   // what is written to stdout may be the backup itself

	mu          sync.Mutex
	found       map[*Pattern]bool
	same        map[*Pattern]string // what they took out of a line last
	size, files int64
	first, last string // of the standard output
	kept        []byte
	said        bool // anything was written
	complained  bool // the program, or the shell about it
	gaveUp      bool // it said that it failed as a whole
}

// Watch begins a run of a command, which may be unknown (nil).
func (p *Program) Watch(command []string) *Watch {
	arguments := p.Arguments(command)
	data := slices.Contains(arguments, "-")
	for i := range p.Rows {
		data = data || p.Rows[i].First != nil || p.Rows[i].Last != nil
	}
	w := &Watch{program: p, arguments: arguments, lockTaken: p.lockTaken(command), left: p.left(command), own: p.ends(command), data: data, found: map[*Pattern]bool{}, same: map[*Pattern]string{}, size: -1, files: -1}
	w.killed1 = slices.ContainsFunc(p.before(command), func(word string) bool { return base(word) == chronic })
	if script := scriptOf(command); script != "" && p.place(command) < 0 {
		w.script = script
		w.call, w.callWords = p.inScript(script)
		w.hidden = p.hides(script, shellOptions(command))
		w.left = cmp.Or(w.left, w.hidden.left)
		return w
	}
	words, named := p.called(command)
	w.call, w.callWords = p.Calls.of(p.Name, words, named)
	return w
}

// Wants tells whether the stream decides about the result.
func (p *Program) Wants(stream string) bool {
	if len(p.Reads) == 0 {
		return stream == "stderr"
	}
	return slices.Contains(p.Reads, stream)
}

// Stream takes what is written to stdout or stderr. It never fails.
func (w *Watch) Stream(name string) *Stream { return &Stream{watch: w, stdout: name == "stdout"} }

// Stream is one of the two outputs of a run.
type Stream struct {
	watch  *Watch
	stdout bool
	line   []byte
}

// Write takes some more of the output.
func (s *Stream) Write(data []byte) (int, error) {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if !s.stdout || !s.watch.data {
		s.watch.keep(data)
	}
	for rest := data; len(rest) > 0; {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		if room := maxLine - len(s.line); room > 0 {
			s.line = append(s.line, line[:min(room, len(line))]...)
		}
		if whole {
			s.end()
		}
		rest = more
	}
	return len(data), nil
}

// Close looks at a last line without its end.
func (s *Stream) Close() error {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	s.end()
	return nil
}

func (s *Stream) end() {
	line := bytes.TrimRight(s.line, "\r")
	// What a progress bar wrote over is not what the line says.
	if at := bytes.LastIndexByte(line, '\r'); at >= 0 {
		line = line[at+1:]
	}
	s.line = s.line[:0]
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	s.watch.said = true
	if name, _, colon := bytes.Cut(line, []byte(": ")); colon && !bytes.ContainsAny(name, `/\`) && HandsOn(string(name)) {
		s.watch.own = false // what stands in front could not run it
	}
	s.watch.look(line, s.stdout)
}

func (w *Watch) keep(data []byte) {
	w.kept = append(w.kept, data...)
	if len(w.kept) > 2*keptLog {
		w.kept = append(w.kept[:0], w.kept[len(w.kept)-keptLog:]...)
	}
}

// Log is the end of the output.
func (w *Watch) Log() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.kept[max(0, len(w.kept)-keptLog):])
}

func (w *Watch) look(line []byte, stdout bool) {
	p := w.program
	if stdout {
		if w.first == "" {
			w.first = string(line)
		}
		if !endsDump(line) || w.last == "" {
			w.last = string(line)
		}
	}
	for i := range p.Rows {
		for _, list := range []Patterns{p.Rows[i].Output, p.Rows[i].Without} {
			for k := range list {
				if pattern := &list[k]; !w.found[pattern] && pattern.Match(line) {
					w.found[pattern] = true
				}
			}
		}
		for k := range p.Rows[i].Same {
			if m := p.Rows[i].Same[k].FindSubmatch(line); m != nil {
				w.same[&p.Rows[i].Same[k]] = string(m[1])
			}
		}
	}
	if w.hidden.why != "" {
		line = line[len(stamp.Find(line)):]
		gaveUp := broken.Match(line) || p.Fails != nil && p.Fails.Match(line)
		w.gaveUp, w.complained = w.gaveUp || gaveUp, w.complained || gaveUp || p.complaint(line)
	}
	number(p.Size, line, &w.size)
	number(p.Files, line, &w.files)
}

// complaint tells whether a line is the program's own word for its failure, or
// that of the shell that started it. It is asked where the code does not tell.
func (p *Program) complaint(line []byte) bool {
	name, rest, ok := bytes.Cut(line, []byte(": "))
	return ok && p.Is(string(name)) && complains.Match(rest) || unfound.Match(line) && bytes.Contains(line, []byte(p.Name))
}

// What programs say when they fail, and shells of them; broken as a whole. A stamp is
// what scripts put before each line.
var (
	stamp     = regexp.MustCompile(`^(?:(?:\[[^\]]*\]|\(?\d{4}[-/.]\d\d[-/.]\d\d[ T_-]?(?:\d\d:\d\d(?::\d\d)?\S*)?|\d\d:\d\d(?::\d\d)?|(?:\p{L}{3}\.? )?\p{L}{3}\.? [ \d]\d \d\d:\d\d:\d\d(?: [A-Z]{3,4} \d{4})?)[-:|]?\s+)+`)
	broken    = regexp.MustCompile(`^(Fatal|FATAL|ERROR|CRITICAL)\b|^(Killed|Terminated|Aborted|Segmentation fault)\b|: line [0-9]+: +[0-9]+ (Killed|Terminated|Aborted|Segmentation fault)`)
	unfound   = regexp.MustCompile(`: (command )?not found$|: (Permission denied|No such file or directory)$`)
	complains = regexp.MustCompile(`(?i)^(fatal|error|got error)\b|\b(cannot|can't|could not|couldn't|unable to|failed|refused|no space left)\b`)
)

// endsDump tells the lines that may follow the one which says that a dump is
// complete: empty remarks, and what newer versions of pg_dump write.
func endsDump(line []byte) bool {
	return string(bytes.TrimSpace(line)) == "--" || bytes.HasPrefix(line, []byte(`\unrestrict`))
}

func number(p *Pattern, line []byte, to *int64) {
	if p == nil {
		return
	}
	m := p.FindSubmatch(line)
	for _, group := range m[min(1, len(m)):] {
		digits := strings.NewReplacer(",", "", ".", "").Replace(string(group))
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			*to = n
			return
		}
	}
}

// Judge tells what the exit code and the output mean together.
func (w *Watch) Judge(code int, strict bool) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := Verdict{Result: Failed, Words: fmt.Sprintf("%s ended with code %d", w.program.Name, code), Size: w.size, Files: w.files}
	if w.lockTaken != 0 && code == w.lockTaken && !w.said {
		v.Result, v.Words = Running, "another run holds the lock of flock"
		return v
	}
	own := w.row(w.program.Rows[:w.program.own], code)
	if own == nil && w.call == callListed {
		v.Result, v.Words = NotDue, w.callWords
		return v
	}
	if own == nil && w.left != "" && code == 0 {
		v.Words = w.left
		return v
	}
	if r := cmp.Or(own, w.row(w.program.Rows[w.program.own:], code)); r != nil {
		v.Result, v.Words = r.Result, r.Words
		if strict && r.Strict != "" {
			v.Result = r.Strict
		}
		if v.Result == Empty {
			v.Result, v.Files = Warning, 0
		}
		if w.killed1 && code == 1 && v.Result == Warning {
			v.Result, v.Words = Failed, "chronic ends with 1 for a program that was killed, too; leave it away and give --hide-output"
		}
	} else if result, words, known := Signalled(code); known {
		v.Result, v.Words = result, words
	}
	if h := w.hidden; own == nil && h.why != "" && code == 0 && (w.gaveUp && v.Result == Warning || v.Result == Success && (h.blind || w.complained)) {
		v.Result, v.Words = Failed, "it says that it failed, and "+h.why
		if !w.complained {
			v.Words = "nothing tells how it ended: its words go elsewhere, and " + h.why
		}
	}
	if own == nil && w.call == callTends && (code == 0 || v.Result != Failed) {
		v.Result, v.Words = NotDue, w.callWords
	}
	return v
}

// row is the first whose conditions hold.
func (w *Watch) row(rows []Row, code int) *Row {
	for i := range rows {
		if w.fits(&rows[i], code) {
			return &rows[i]
		}
	}
	return nil
}

// Signalled tells the exit codes that shells and systems give, not programs.
func Signalled(code int) (Result, string, bool) {
	switch code {
	case 130, 143, -1073741510: // SIGINT, SIGTERM, Control-C of Windows
		return Cancelled, "stopped before it was done", true
	case 137:
		return Failed, "killed before it was done", true
	case 126:
		return Failed, "the program could not be started (code 126)", true
	case 127:
		return Failed, "the program was not found (code 127)", true
	}
	return "", "", false
}

func (w *Watch) fits(r *Row, code int) bool {
	if !r.Code.has(code) {
		return false
	}
	for k := range r.Output {
		if !w.found[&r.Output[k]] {
			return false
		}
	}
	for k := range r.Without {
		if w.found[&r.Without[k]] {
			return false
		}
	}
	for k := range r.Same {
		if one := w.same[&r.Same[k]]; one == "" || one != w.same[&r.Same[0]] {
			return false
		}
	}
	if r.Nothing && (w.arguments == nil || w.first != "") || r.Own && !w.own || r.Script != nil && !r.Script.MatchString(w.script) {
		return false
	}
	for k := range r.Argument {
		if !slices.ContainsFunc(w.arguments, r.Argument[k].MatchString) {
			return false
		}
	}
	return (r.First == nil || w.first != "" && r.First.MatchString(w.first)) && (r.Last == nil || w.last != "" && r.Last.MatchString(w.last))
}

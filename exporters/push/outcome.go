package push

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"vigie/exporters/push/programs"
)

// maxLog is how much of a program's log is read: its end.
const maxLog = 8 << 20

// Judged is what became of a run.
type Judged struct {
	programs.Verdict
	Tail string // the end of the output, as far as it explains anything
}

// Run is a run that has ended, as far as it is known.
type Run struct {
	// Program is the table's entry for it, nil where there is none: then 0 is a
	// success.
	Program *programs.Program
	Engine  string
	Command []string // with what stands in front of the program; nil if unknown
	// Strict takes a backup that is not whole for a failed one.
	Strict bool
}

// Watch looks at the run's output.
func (r Run) Watch() *programs.Watch {
	p := r.Program
	if p == nil {
		p = programs.Unnamed(cmp.Or(r.Engine, "the command"))
	}
	return p.Watch(r.Command)
}

// Judge tells what the code and the output mean, with the output's end as the
// explanation of what is no success.
func (r Run) Judge(w *programs.Watch, code int) Judged {
	out := Judged{Verdict: w.Judge(code, r.Strict)}
	tail, err := ReadLog(r.Engine, bytes.NewReader(w.Log()))
	if err != nil {
		tail = "" // the result matters more than its explanation
	}
	out.Tail = tail
	return out
}

// Text gives a log as UTF-8: its end, or all of it if it is short.
func Text(log io.ReadSeeker) ([]byte, error) {
	if err := skipToEnd(log); err != nil {
		return nil, err
	}
	return io.ReadAll(transform.NewReader(io.LimitReader(log, maxLog), unicode.BOMOverride(unicode.UTF8.NewDecoder())))
}

// ReadLog gives the last lines of a program's output that explain a failure:
// JSON lines of restic and borg, text of all others, in UTF-8 or with a byte
// order mark in UTF-16.
func ReadLog(engine string, log io.ReadSeeker) (string, error) {
	data, err := Text(log)
	if err != nil {
		return "", err
	}
	var errorLines, plain tail
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, maxLog*4)
	for scan.Scan() {
		line := strings.TrimSpace(scan.Text())
		if line == "" {
			continue
		}
		if line[0] == '{' && (engine == "restic" || engine == "borg") {
			if text, ok := readObject(line); ok {
				errorLines.add(text)
				continue
			}
		}
		if engine != "borg" || !jsonish(line) {
			plain.add(line)
		}
	}
	out := errorLines.String()
	if out == "" || engine == "restic" {
		// restic explains some failures outside its JSON.
		out = strings.TrimSpace(plain.String() + "\n" + out)
	}
	return out, scan.Err()
}

// jsonish recognises the inner lines of borg's indented JSON.
func jsonish(line string) bool { return strings.ContainsAny(line[:1], `{}[]"`) }

func skipToEnd(log io.ReadSeeker) error {
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	from := max(0, size-maxLog)
	_, err = log.Seek(from, io.SeekStart)
	return err
}

// readObject takes one JSON line in; the text is what it says of a failure.
func readObject(line string) (string, bool) {
	var o struct {
		Kind    string `json:"message_type"` // restic
		Item    string `json:"item"`
		Message string `json:"message"`
		Error   struct {
			Message string `json:"message"`
			Op      string
			Path    string
		} `json:"error"`

		Type  string `json:"type"` // borg
		Level string `json:"levelname"`
	}
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		return "", false
	}
	switch {
	case o.Kind == "error":
		return strings.Trim(o.Item+": "+cmp.Or(o.Error.Message, o.Message, strings.TrimSpace(o.Error.Op+" "+o.Error.Path)), ": "), true
	case o.Kind == "exit_error":
		return o.Message, true
	case o.Type == "log_message" && (o.Level == "ERROR" || o.Level == "CRITICAL" || o.Level == "WARNING"):
		return o.Message, true
	}
	return "", true
}

// tail keeps the last lines.
type tail struct{ lines []string }

func (t *tail) add(line string) {
	if line == "" {
		return
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > 20 {
		t.lines = t.lines[1:]
	}
}

func (t *tail) String() string { return cut(strings.Join(t.lines, "\n"), maxError) }

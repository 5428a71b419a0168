package push

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"vigie/exporters"
)

// maxLog is how much of a program's log is read: its end.
const maxLog = 8 << 20

// Outcome says what a program's exit code means for the backup, in words for
// the error text if it is not a success. Codes nobody documented are failures.
func Outcome(engine string, code int) (exporters.Result, string) {
	switch code {
	case 130, 143, -1073741510: // SIGINT, SIGTERM, Control-C of Windows
		return exporters.Cancelled, "stopped before it was done"
	case 137:
		return exporters.Failed, "killed before it was done"
	}
	switch engine {
	case "restic":
		return resticOutcome(code)
	case "borg":
		return borgOutcome(code)
	case "robocopy":
		return robocopyOutcome(code)
	}
	if code == 0 {
		return exporters.Success, ""
	}
	return exporters.Failed, fmt.Sprintf("ended with code %d", code)
}

func resticOutcome(code int) (exporters.Result, string) {
	switch code {
	case 0:
		return exporters.Success, ""
	case 3:
		// restic stores a snapshot all the same: it looks like a success.
		return exporters.Failed, "incomplete: some files could not be read"
	case 10:
		return exporters.Failed, "the repository does not exist"
	case 11:
		return exporters.Failed, "the repository is locked"
	case 12:
		return exporters.Failed, "the repository's password is wrong"
	default:
		return exporters.Failed, fmt.Sprintf("restic ended with code %d", code)
	}
}

// borgOutcome knows both the old codes and, from 3 on, those that
// BORG_EXIT_CODES=modern switches on.
func borgOutcome(code int) (exporters.Result, string) {
	switch {
	case code == 0:
		return exporters.Success, ""
	case code == 1 || code >= 100 && code <= 127:
		return exporters.Warning, fmt.Sprintf("borg ended with warnings (code %d)", code)
	default:
		return exporters.Failed, fmt.Sprintf("borg ended with code %d", code)
	}
}

// robocopyOutcome reads the code as bits: 1 copied, 2 extra files, 4
// mismatches, 8 not copied, 16 nothing done.
func robocopyOutcome(code int) (exporters.Result, string) {
	switch {
	case code >= 0 && code <= 3:
		return exporters.Success, ""
	case code >= 4 && code <= 7:
		return exporters.Warning, "some files and folders do not match"
	case code >= 8 && code <= 15:
		return exporters.Failed, "some files could not be copied"
	default:
		return exporters.Failed, fmt.Sprintf("robocopy ended with code %d", code)
	}
}

// Account is what a program's log tells of a run.
type Account struct {
	Size  int64  // bytes processed, 0 if it does not tell
	Error string // the last lines that explain a failure
}

// ReadLog reads the output of a program: JSON lines of restic and borg, text
// of all others, in UTF-8 or with a byte order mark in UTF-16.
func ReadLog(engine string, log io.ReadSeeker) (Account, error) {
	if err := skipToEnd(log); err != nil {
		return Account{}, err
	}
	text := transform.NewReader(io.LimitReader(log, maxLog), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	data, err := io.ReadAll(text)
	if err != nil {
		return Account{}, err
	}
	var a Account
	var errorLines, plain tail
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, maxLog*4)
	for scan.Scan() {
		line := strings.TrimSpace(scan.Text())
		if line == "" {
			continue
		}
		if line[0] == '{' && (engine == "restic" || engine == "borg") {
			if text, ok := a.readObject(line); ok {
				errorLines.add(text)
				continue
			}
		}
		if engine != "borg" || !jsonish(line) {
			plain.add(line)
		}
	}
	if a.Error = errorLines.String(); a.Error == "" || engine == "restic" {
		// restic explains some failures outside its JSON.
		a.Error = strings.TrimSpace(plain.String() + "\n" + errorLines.String())
	}
	return a, scan.Err()
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
func (a *Account) readObject(line string) (string, bool) {
	var o struct {
		Kind    string `json:"message_type"` // restic
		Bytes   int64  `json:"total_bytes_processed"`
		DryRun  bool   `json:"dry_run"`
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
	case o.Kind == "summary" && !o.DryRun:
		a.Size = o.Bytes
	case o.Kind == "error":
		return strings.Trim(o.Item+": "+cmpOr(o.Error.Message, o.Message, strings.TrimSpace(o.Error.Op+" "+o.Error.Path)), ": "), true
	case o.Kind == "exit_error":
		return o.Message, true
	case o.Type == "log_message" && (o.Level == "ERROR" || o.Level == "CRITICAL" || o.Level == "WARNING"):
		return o.Message, true
	}
	return "", true
}

func cmpOr(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// ReadBorgStats reads the size from what `borg create --json` prints.
func ReadBorgStats(r io.Reader) (int64, error) {
	var o struct {
		Archive struct {
			Stats struct {
				Size int64 `json:"original_size"`
			} `json:"stats"`
		} `json:"archive"`
	}
	if err := json.NewDecoder(io.LimitReader(r, maxLog)).Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return o.Archive.Stats.Size, nil
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

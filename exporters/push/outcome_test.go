package push

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/exporters/push/programs"
)

func judged(t *testing.T, engine string, code int, stderr, stdout string) Judged {
	t.Helper()
	table, err := programs.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	r := Run{Engine: engine, Strict: true}
	r.Program, _ = table.Get(engine)
	w := r.Watch()
	for name, text := range map[string]string{"stderr": stderr, "stdout": stdout} {
		s := w.Stream(name)
		_, _ = s.Write([]byte(text))
		_ = s.Close()
	}
	return r.Judge(w, code)
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		engine string
		codes  []int
		want   programs.Result
	}{
		{"restic", []int{0}, programs.Success},
		{"restic", []int{1, 2, 3, 10, 12, 42, 126, 127, 137, -1}, programs.Failed},
		{"restic", []int{11}, programs.Running},
		{"restic", []int{130, 143}, programs.Cancelled},
		{"borg", []int{0}, programs.Success},
		{"borg", []int{1, 100, 105, 107}, programs.Warning},
		{"borg", []int{2, 3, 15, 108, 126, 127, 128, 137, -1}, programs.Failed},
		{"borg", []int{73}, programs.Running},
		{"borg", []int{130}, programs.Cancelled},
		{"robocopy", []int{0, 1, 2, 3}, programs.Success},
		{"robocopy", []int{4, 5, 6, 7}, programs.Warning},
		{"robocopy", []int{8, 9, 15, 16, 24, -1}, programs.Failed},
		{"script", []int{0}, programs.Success},
		{"script", []int{1, 2, 127, 255, -1}, programs.Failed},
		{"", []int{1}, programs.Failed},
		{"script", []int{-1073741510}, programs.Cancelled},
	} {
		for _, code := range c.codes {
			if got := judged(t, c.engine, code, "", ""); got.Result != c.want || (got.Words == "") != (got.Result == programs.Success) {
				t.Errorf("%s %d: %s %q, want %s", c.engine, code, got.Result, got.Words, c.want)
			}
		}
	}
}

// The shapes are those of restic 0.14 and of borg 1.2.
func TestNothingSavedIsNoSuccess(t *testing.T) {
	const summary = `{"message_type":"summary","files_new":0,"total_files_processed":%d,"total_bytes_processed":%d,"snapshot_id":"bb00"%s}`
	for name, c := range map[string]struct {
		got   Judged
		want  programs.Result
		files int64
	}{
		"restic, whole":        {judged(t, "restic", 0, "", fmt.Sprintf(summary, 3, 9, "")), programs.Success, 3},
		"restic, nothing":      {judged(t, "restic", 0, "", fmt.Sprintf(summary, 0, 0, "")), programs.Warning, 0},
		"restic, a rehearsal":  {judged(t, "restic", 0, "", fmt.Sprintf(summary, 3, 9, `,"dry_run":true`)), programs.NotDue, 3},
		"restic, missing path": {judged(t, "restic", 0, "/x does not exist, skipping\n", fmt.Sprintf(summary, 3, 9, "")), programs.Failed, 3},
		"borg, nothing":        {judged(t, "borg", 1, "", "{\"archive\": {\n \"stats\": {\n  \"nfiles\": 0,\n  \"original_size\": 552\n}}}"), programs.Failed, 0},
		"borg, one line":       {judged(t, "borg", 107, "", `{"archive":{"stats":{"compressed_size":560,"nfiles":0,"original_size":552}}}`), programs.Failed, 0},
		"borg, something":      {judged(t, "borg", 1, "", `{"archive":{"stats":{"nfiles":2,"original_size":552}}}`), programs.Warning, 2},
		"borg, locked":         {judged(t, "borg", 2, `{"type": "log_message", "levelname": "ERROR", "message": "Failed to create/acquire the lock /r/lock (timeout)."}`, ""), programs.Running, -1},
	} {
		if c.got.Result != c.want || c.got.Files != c.files {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}

func TestReadLog(t *testing.T) {
	restic := `subdir does not exist, skipping
{"message_type":"status","percent_done":0.5}
{"message_type":"error","error":{"message":"open /home/x: permission denied"},"during":"archival","item":"/home/x"}
{"message_type":"summary","total_bytes_processed":9007199254740993,"snapshot_id":"ab"}
Warning: at least one source file could not be read
`
	a, err := ReadLog("restic", strings.NewReader(restic))
	if err != nil || !strings.Contains(a, "permission denied") || !strings.Contains(a, "does not exist") || strings.Contains(a, "percent") {
		t.Errorf("%+v %v", a, err)
	}
	if j := judged(t, "restic", 3, restic, ""); j.Size != 9007199254740993 {
		t.Errorf("%+v", j)
	}
	borg := `{"type": "log_message", "levelname": "INFO", "message": "calm"}
{"type": "log_message", "levelname": "ERROR", "message": "passphrase supplied is incorrect", "msgid": "PassphraseWrong"}`
	if a, err := ReadLog("borg", strings.NewReader(borg)); err != nil || a != "passphrase supplied is incorrect" {
		t.Errorf("%+v %v", a, err)
	}
	utf16 := []byte("\xff\xfeE\x00R\x00R\x00 \x00\xe9\x00\r\x00\n\x00")
	if a, err := ReadLog("robocopy", bytes.NewReader(utf16)); err != nil || a != "ERR é" {
		t.Errorf("%+v %v", a, err)
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add("restic", []byte(`{"message_type":"summary","total_bytes_processed":1}`))
	f.Add("borg", []byte("{\n\"a\""))
	f.Add("", []byte("\xff\xfea\x00"))
	f.Fuzz(func(t *testing.T, engine string, data []byte) {
		a, err := ReadLog(engine, bytes.NewReader(data))
		if err == nil && len(a) > 3*maxError {
			t.Errorf("%d bytes of error", len(a))
		}
	})
}

// What Decode takes can be stored, sent on, and read back as the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"run_id":"1","job_id":"j","machine":"m","result":"success","ended_at":"2026-03-09T21:00:00+01:00"}`))
	f.Add([]byte(`[{"run_id":"1","job_id":"j","machine":"m","result":"failed","ended_at":1773090000,"error":"é","enabled":false,"expected_interval":"1d","size_bytes":9}]`))
	f.Add([]byte(`[{"run_id":"1","job_id":"j","machine":"m","result":"failed","ended_at":"/Date(1710498998000)/","started_at":"Mon, 02 Jan 2006 15:04:05 MST"}]`))
	f.Add([]byte(`[{},3,null]`))
	f.Add([]byte("\xef\xbb\xbf[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reports, err := Decode(data, 5)
		if err != nil {
			p, ok := err.(*Problem)
			if !ok || p.Status < 400 || p.Status > 499 || p.What == "" || p.Cure == "" || !utf8.ValidString(p.Error()) {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(reports) == 0 || len(reports) > 5 {
			t.Fatalf("%d reports", len(reports))
		}
		line, err := formatLine(entry{Customer: "c", Reports: reports})
		if err != nil {
			t.Fatal(err)
		}
		back, ok := readLine(line)
		if !ok || len(back.Reports) != len(reports) {
			t.Fatalf("%q cannot be read back", line)
		}
		for i := range reports {
			a, aerr := reports[i].fingerprint()
			b, berr := back.Reports[i].fingerprint()
			if aerr != nil || berr != nil || a != b {
				t.Fatalf("%+v\n%+v", reports[i], back.Reports[i])
			}
			again := reports[i]
			if err := again.Check(); err != nil {
				t.Fatalf("refused at the second look: %v", err)
			}
		}
	})
}

// A journal of any content is read or refused, never worse.
func FuzzJournal(f *testing.F) {
	line, err := formatLine(entry{Customer: "c"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, ok := readLine(data); ok {
			if err := (ledger{}).add(e); err != nil {
				t.Fatal(err)
			}
		}
	})
}

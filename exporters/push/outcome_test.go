package push

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/exporters"
)

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		engine string
		codes  []int
		want   exporters.Result
	}{
		{"restic", []int{0}, exporters.Success},
		{"restic", []int{1, 2, 3, 10, 11, 12, 42, 137, -1}, exporters.Failed},
		{"restic", []int{130, 143}, exporters.Cancelled},
		{"borg", []int{0}, exporters.Success},
		{"borg", []int{1, 100, 105, 127}, exporters.Warning},
		{"borg", []int{2, 3, 15, 73, 128, 137, -1}, exporters.Failed},
		{"borg", []int{130}, exporters.Cancelled},
		{"robocopy", []int{0, 1, 2, 3}, exporters.Success},
		{"robocopy", []int{4, 5, 6, 7}, exporters.Warning},
		{"robocopy", []int{8, 9, 15, 16, 24, -1}, exporters.Failed},
		{"script", []int{0}, exporters.Success},
		{"script", []int{1, 2, 127, 255, -1}, exporters.Failed},
		{"", []int{1}, exporters.Failed},
		{"script", []int{-1073741510}, exporters.Cancelled},
	} {
		for _, code := range c.codes {
			got, words := Outcome(c.engine, code)
			if got != c.want || (words == "") != (got == exporters.Success) {
				t.Errorf("%s %d: %s %q, want %s", c.engine, code, got, words, c.want)
			}
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
	if err != nil || a.Size != 9007199254740993 || !strings.Contains(a.Error, "permission denied") || !strings.Contains(a.Error, "does not exist") || strings.Contains(a.Error, "percent") {
		t.Errorf("%+v %v", a, err)
	}
	if a, err := ReadLog("restic", strings.NewReader(`{"message_type":"summary","total_bytes_processed":5,"dry_run":true}`)); err != nil || a.Size != 0 {
		t.Errorf("a rehearsal has a size: %+v %v", a, err)
	}
	borg := `{"type": "log_message", "levelname": "INFO", "message": "calm"}
{"type": "log_message", "levelname": "ERROR", "message": "passphrase supplied is incorrect", "msgid": "PassphraseWrong"}`
	if a, err := ReadLog("borg", strings.NewReader(borg)); err != nil || a.Error != "passphrase supplied is incorrect" {
		t.Errorf("%+v %v", a, err)
	}
	utf16 := []byte("\xff\xfeE\x00R\x00R\x00 \x00\xe9\x00\r\x00\n\x00")
	if a, err := ReadLog("robocopy", bytes.NewReader(utf16)); err != nil || a.Error != "ERR é" {
		t.Errorf("%+v %v", a, err)
	}
	if n, err := ReadBorgStats(strings.NewReader("{\n \"archive\": {\"stats\": {\"original_size\": 12}}}")); err != nil || n != 12 {
		t.Errorf("%d %v", n, err)
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add("restic", []byte(`{"message_type":"summary","total_bytes_processed":1}`))
	f.Add("borg", []byte("{\n\"a\""))
	f.Add("", []byte("\xff\xfea\x00"))
	f.Fuzz(func(t *testing.T, engine string, data []byte) {
		a, err := ReadLog(engine, bytes.NewReader(data))
		if err == nil && len(a.Error) > 3*maxError {
			t.Errorf("%d bytes of error", len(a.Error))
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

package arcserve

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

type fileBench struct {
	bench
	dir    string
	config *Config
}

func newFileBench(t *testing.T, change func(*Config)) *fileBench {
	t.Helper()
	b := &fileBench{bench: newBench(t), dir: t.TempDir()}
	b.config = &Config{Customer: "dupont", CustomerName: "Dupont SA", Timezone: "Europe/Paris", Agent: &Agent{Path: b.dir, Machine: "SRV-COMPTABILITÉ"}}
	if change != nil {
		change(b.config)
	}
	sourcetest.Check(t, b.config.Validate(""))
	b.start()
	return b
}

func (b *fileBench) start() {
	b.T.Helper()
	s, err := New(b.config, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.poll(s.way)
}

// write leaves a file as the agent does, now.
func (b *fileBench) write(name string, data []byte) {
	b.T.Helper()
	file := filepath.Join(b.dir, name)
	sourcetest.Check(b.T, os.WriteFile(file, data, 0o600))
	sourcetest.Check(b.T, os.Chtimes(file, b.Clock.Now(), b.Clock.Now()))
}

// info is a file's text. Only BackupStatus and its attribute are documented.
func info(status, jobType string) []byte {
	return fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<BackupInfo>\r\n  <JobInfo JobType=%q Name=\"Sauvegarde de l'été\"/>\r\n  <BackupStatus Status=%q ErrorCode=\"0\"/>\r\n</BackupInfo>\r\n", jobType, status)
}

func utf16File(text []byte, order binary.AppendByteOrder, mark bool) []byte {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

func TestHistoryGolden(t *testing.T) {
	b := newFileBench(t, nil)
	b.write("BackupInfo_1.xml", info("Finished", "Full"))
	b.write("other.xml", info("Failed", "Full"))
	b.Clock.Advance(24 * time.Hour)
	b.write("backupinfo_2.XML", info("Failed", "Incremental"))
	b.Clock.Advance(time.Hour)
	b.write("BackupInfo_3.xml", info("Finished", "Resync"))
	b.write("BackupInfo_4.xml", info("Finished", "Verification"))
	b.write("BackupInfo_5.xml", info("Active", "Incremental"))
	b.Clock.Advance(5 * time.Minute)
	b.Refresh()
	b.Golden("history.prom")
}

func TestHistoryEncodings(t *testing.T) {
	text := []byte(strings.Replace(string(info("Finished", "Full")), "UTF-8", "utf-16", 1))
	for name, data := range map[string][]byte{
		"UTF-8":                    info("Finished", "Full"),
		"UTF-8 with a mark":        append([]byte("\xef\xbb\xbf"), info("Finished", "Full")...),
		"UTF-16LE with a mark":     utf16File(text, binary.LittleEndian, true),
		"UTF-16BE with a mark":     utf16File(text, binary.BigEndian, true),
		"UTF-16LE without a mark":  utf16File(text, binary.LittleEndian, false),
		"a code page of old":       []byte("<?xml version=\"1.0\" encoding=\"windows-1252\"?><x name=\"\xe9t\xe9\"><BackupStatus Status='finished'/></x>"),
		"status deep down, spaces": []byte("<a><b><c><backupStatus status=' Finished '>text</backupStatus></c></b></a>"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newFileBench(t, nil)
			b.write("BackupInfo.xml", data)
			b.Refresh()
			if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
				t.Errorf("%s, success %v, %q", j.LastResult, j.LastSuccess, j.Error)
			}
		})
	}
}

// A file that cannot be understood is no success; the next good one is.
func TestHistoryUnreadableFiles(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">` + strings.Repeat(`<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">`, 20) + `]><x><BackupStatus Status="Finished">&b;</BackupStatus></x>`
	for name, data := range map[string][]byte{
		"empty":            nil,
		"cut":              info("Finished", "Full")[:100],
		"two documents":    append(info("Finished", "Full"), "<x/>"...),
		"without a status": []byte("<BackupInfo/>"),
		"HTML":             []byte("<html><body>x<br></body></html>"),
		"a bomb":           []byte(bomb),
		"an outer entity":  []byte(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x><BackupStatus Status="Finished"/>&e;</x>`),
		"too deep":         []byte(strings.Repeat("<a>", 10_000) + `<BackupStatus Status="Finished"/>` + strings.Repeat("</a>", 10_000)),
		"too long":         append(info("Finished", "Full"), make([]byte, maxInfoBytes)...),
		"half a character": utf16File(info("Finished", "Full"), binary.LittleEndian, true)[:201],
	} {
		t.Run(name, func(t *testing.T) {
			b := newFileBench(t, nil)
			b.write("BackupInfo_1.xml", info("Finished", "Full"))
			success := b.Clock.Now()
			b.Refresh()
			b.Clock.Advance(time.Hour)
			b.write("BackupInfo_2.xml", data)
			b.Refresh()
			if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Success || b.unknown("backup_info_file") != 0 {
				t.Errorf("%s, though the file may still be written", j.LastResult)
			}
			b.Clock.Advance(stillWritten)
			for range 3 {
				b.Refresh()
			}
			if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Unknown || !j.LastSuccess.Equal(success) || !strings.Contains(j.Error, "BackupInfo_2.xml") {
				t.Errorf("%s, success %v, %q", j.LastResult, j.LastSuccess, j.Error)
			}
			if n := b.unknown("backup_info_file"); n != 1 {
				t.Errorf("counted %d times", n)
			}
			b.Clock.Advance(time.Hour)
			b.write("BackupInfo_3.xml", info("Finished", "Full"))
			b.Refresh()
			if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Success || !j.LastSuccess.Equal(b.Clock.Now()) {
				t.Errorf("%s after a good one", j.LastResult)
			}
		})
	}
}

func TestHistoryStatuses(t *testing.T) {
	for text, want := range map[string]exporters.Result{
		`<BackupStatus Status="Failed"/>`:                                     exporters.Failed,
		`<BackupStatus Status="Incomplete"/>`:                                 exporters.Failed,
		`<BackupStatus Status="Crash"/>`:                                      exporters.Failed,
		`<BackupStatus Status="LicenseFailed"/>`:                              exporters.Failed,
		`<BackupStatus Status="Canceled"/>`:                                   exporters.Cancelled,
		`<BackupStatus Status="Missed"/>`:                                     exporters.Missed,
		`<BackupStatus Status="FINISHED"/>`:                                   exporters.Success,
		`<BackupStatus Status="1"/>`:                                          exporters.Success,
		`<BackupStatus Status="Terminé"/>`:                                    exporters.Unknown,
		`<BackupStatus Status=""/>`:                                           exporters.Unknown,
		`<BackupStatus Status="3"/>`:                                          exporters.Unknown,
		`<BackupStatus Status="Finished"/><BackupStatus Status="Failed"/>`:    exporters.Failed,
		`<BackupStatus Status="Splendid"/><BackupStatus Status="Finished"/>`:  exporters.Unknown,
		`<BackupStatus Status="Finished"/><BackupStatus Status="Splendid"/>`:  exporters.Unknown,
		`<Message>verify the target</Message><BackupStatus Status="Failed"/>`: exporters.Failed,
	} {
		b := newFileBench(t, nil)
		b.write("BackupInfo.xml", []byte("<x>"+text+"</x>"))
		b.Refresh()
		j := b.Job("SRV-COMPTABILITÉ")
		if j.LastResult != want || (want == exporters.Success) == j.LastSuccess.IsZero() {
			t.Errorf("%s: %s, success %v", text, j.LastResult, j.LastSuccess)
		}
		if counted := b.unknown("job_status") > 0; counted != (want == exporters.Unknown) {
			t.Errorf("%s: counted %v", text, counted)
		}
	}
}

func TestHistoryRunningAndReusedNames(t *testing.T) {
	b := newFileBench(t, nil)
	b.write("BackupInfo.xml", info("Failed", "Full"))
	b.Refresh()
	b.Clock.Advance(24 * time.Hour)
	since := b.Clock.Now()
	b.write("BackupInfo2.xml", info("Active", "Full"))
	for range 3 {
		b.Refresh()
		if j := b.Job("SRV-COMPTABILITÉ"); !j.Running || !j.RunningSince.Equal(since) || j.LastResult != exporters.Failed || j.Failures != 1 {
			t.Fatalf("running %v since %v, %s", j.Running, j.RunningSince, j.LastResult)
		}
		b.Clock.Advance(time.Minute)
		b.write("BackupInfo2.xml", info("Active", "Full"))
	}
	b.write("BackupInfo2.xml", info("Finished", "Full"))
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Running || !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("running %v, success %v", j.Running, j.LastSuccess)
	}
	b.Clock.Advance(24 * time.Hour)
	b.write("BackupInfo.xml", info("Finished", "Full")) // a name again
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); !j.LastSuccess.Equal(b.Clock.Now()) {
		t.Errorf("success %v, now %v", j.LastSuccess, b.Clock.Now())
	}
	b.Clock.Advance(24 * time.Hour)
	b.write("BackupInfo2.xml", info("Active", "Full")) // and then the machine lost power
	b.Clock.Advance(openFor)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.Running || j.LastResult != exporters.Success {
		t.Errorf("running %v, %s", j.Running, j.LastResult)
	}
}

func TestHistoryEndsAsTold(t *testing.T) {
	b := newFileBench(t, func(c *Config) { c.Agent.EndName = "EndTime" })
	b.write("BackupInfo.xml", []byte(`<x><BackupStatus Status="Finished" EndTime="2026-03-09 04:30:00"/></x>`))
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); !j.LastSuccess.Equal(time.Date(2026, 3, 9, 3, 30, 0, 0, time.UTC)) {
		t.Errorf("success %v, want the wall clock of Paris", j.LastSuccess)
	}
	b.Clock.Advance(time.Hour)
	b.write("BackupInfo2.xml", []byte(`<x><BackupStatus Status="Finished"/></x>`))
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); !j.LastSuccess.Equal(b.Clock.Now()) || b.unknown("backup_info_time") != 1 {
		t.Errorf("success %v, counted %d", j.LastSuccess, b.unknown("backup_info_time"))
	}
}

func TestHistoryFolder(t *testing.T) {
	b := newFileBench(t, nil)
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Unknown || !j.LastSuccess.IsZero() {
		t.Errorf("a job that never ran: %s", j.LastResult)
	}
	b.write("BackupInfo.xml", info("Finished", "Full"))
	success := b.Clock.Now()
	// What is no file of this folder is not opened.
	outside := filepath.Join(t.TempDir(), "BackupInfo_9.xml")
	sourcetest.Check(t, os.WriteFile(outside, info("Failed", "Full"), 0o600))
	sourcetest.Check(t, os.Symlink(outside, filepath.Join(b.dir, "BackupInfo_9.xml")))
	sourcetest.Check(t, os.Mkdir(filepath.Join(b.dir, "BackupInfo_8.xml"), 0o700))
	b.Refresh()
	sourcetest.Check(t, b.Poller.Save())
	if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Success {
		t.Errorf("%s, %q", j.LastResult, j.Error)
	}
	sourcetest.Check(t, os.RemoveAll(b.dir))
	if err := b.Fails(); exporters.ReasonOf(err) != exporters.ReasonNotFound {
		t.Errorf("%v", err)
	}
	b.start()
	_ = b.Fails()
	if v := b.Poller.View(); v.Up || len(v.Jobs) != 1 || !v.Jobs[0].LastSuccess.Equal(success) {
		t.Errorf("up %v, %+v", v.Up, v.Jobs)
	}
}

// Files that have not changed are not read again, and the number is bounded.
func TestHistoryIsReadOnce(t *testing.T) {
	b := newFileBench(t, nil)
	for i := range maxInfoFiles + 50 {
		b.write(fmt.Sprintf("BackupInfo_%05d.xml", i), info("Finished", "Full"))
		b.Clock.Advance(time.Second)
	}
	b.Refresh()
	h := b.source.way.(*history)
	if len(h.files) != maxInfoFiles {
		t.Errorf("%d files", len(h.files))
	}
	newestName := fmt.Sprintf("BackupInfo_%05d.xml", maxInfoFiles+49)
	at := h.files[newestName].mtime
	sourcetest.Check(t, os.WriteFile(filepath.Join(b.dir, newestName), info("Failed!!", "Full"), 0o600)) // as long as before
	sourcetest.Check(t, os.Chtimes(filepath.Join(b.dir, newestName), at, at))
	b.Refresh()
	if j := b.Job("SRV-COMPTABILITÉ"); j.LastResult != exporters.Success {
		t.Errorf("%s: the file was read again", j.LastResult)
	}
}

func FuzzBackupInfo(f *testing.F) {
	f.Add(info("Finished", "Full"))
	f.Add(info("Failed", "Resync"))
	f.Add(utf16File(info("Finished", "Full"), binary.LittleEndian, true))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><x><BackupStatus Status="&a;"/></x>`))
	f.Add([]byte(`<x><BackupStatus Status="Finished"/><BackupStatus Status="?"/></x>`))
	c := &Config{Customer: "d", Agent: &Agent{Machine: "m", EndName: "EndTime"}}
	sourcetest.Check(f, c.Validate(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := ParseBackupInfo(data, c.Agent)
		if err != nil {
			return
		}
		st, unknown := in.outcome(c)
		if len(in.Statuses) == 0 {
			t.Fatal("a file without a status is understood")
		}
		if st.result == exporters.Success && st.state == finished {
			if len(unknown) > 0 {
				t.Errorf("a success with %q", unknown)
			}
			for _, word := range in.Statuses {
				if !strings.EqualFold(word, "Finished") && word != "1" && word != "+1" && word != "01" {
					if n, ok := c.status(word); !ok || n.result != exporters.Success {
						t.Errorf("%q is a success", word)
					}
				}
			}
		}
	})
}

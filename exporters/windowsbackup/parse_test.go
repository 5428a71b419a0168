package windowsbackup

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	sourcetest.Check(t, err)
	return data
}

// utf16LE is what PowerShell 5.1 writes to files, with or without its mark.
func utf16LE(text string, mark bool) []byte {
	var out []byte
	if mark {
		out = []byte{0xff, 0xfe}
	}
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// encodings gives the same text as different programs of Windows write it.
func encodings(text string) map[string][]byte {
	return map[string][]byte{
		"UTF-8": []byte(text), "UTF-8 with mark": append([]byte{0xef, 0xbb, 0xbf}, text...),
		"UTF-16": utf16LE(text, false), "UTF-16 with mark": utf16LE(text, true),
	}
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// The same two nights on an English and a French machine, in every encoding.
func TestEventsInEveryLanguage(t *testing.T) {
	for _, file := range []string{"events.en.xml", "events.fr.xml"} {
		for name, data := range encodings(string(read(t, file))) {
			t.Run(file+" "+name, func(t *testing.T) {
				events, err := winevent.Parse(data)
				sourcetest.Check(t, err)
				runs, since := outcomes(events, at("2026-03-10T08:00:00Z"))
				if !since.IsZero() || len(runs) != 2 {
					t.Fatalf("%d runs, running since %v", len(runs), since)
				}
				good, bad := runs[0], runs[1]
				if good.Result != exporters.Success || good.Error != "" || !good.End.Truncate(time.Second).Equal(at("2026-03-08T20:47:10Z")) ||
					good.End.Sub(good.Start).Round(time.Second) != 47*time.Minute+6*time.Second {
					t.Errorf("first night: %+v", good)
				}
				want := `result 0x807800C5, detail 0x800701B1, see C:\Windows\Logs\WindowsServerBackup\Backup_Error-09-03-2026_20-00-03.log`
				if bad.Result != exporters.Failed || !bad.End.Equal(at("2026-03-09T20:12:26Z")) || !strings.HasPrefix(bad.Error, want) {
					t.Errorf("second night: %+v", bad)
				}
			})
		}
	}
}

// event builds one entry of the backup's own log.
func event(id int, when string, data ...string) winevent.Event {
	e := winevent.Event{Provider: Provider, Channel: Channel, ID: id, Time: at(when), RecordID: uint64(id), Named: map[string]string{}}
	for i := 0; i+1 < len(data); i += 2 {
		e.Named[data[i]] = data[i+1]
	}
	return e
}

// outcomes are the finished runs of a log, and the start of one that goes on.
func outcomes(events []winevent.Event, now time.Time) (runs []exporters.Run, since time.Time) {
	all := episodes(events)
	for _, ep := range all {
		if !ep.end.IsZero() {
			runs = append(runs, ep.run())
		}
	}
	return runs, runningSince(all, now)
}

func TestOutcomes(t *testing.T) {
	const begin, mid, end, after = "2026-03-09T20:00:00Z", "2026-03-09T20:10:00Z", "2026-03-09T20:40:00Z", "2026-03-09T20:40:01Z"
	now := at("2026-03-09T21:00:00Z")
	for name, c := range map[string]struct {
		events []winevent.Event
		want   exporters.Result
		runs   int
	}{
		"14 after a failure is no success":     {[]winevent.Event{event(1, begin), event(5, end), event(14, after)}, exporters.Failed, 1},
		"14 alone says nothing":                {[]winevent.Event{event(1, begin), event(14, end, "hresult", "0")}, 0, 0},
		"14 alone with a code is a failure":    {[]winevent.Event{event(1, begin), event(14, end, "hresult", "2155348165")}, exporters.Failed, 1},
		"snapshot failure, then failure":       {[]winevent.Event{event(1, begin), event(9, mid), event(5, end), event(14, after)}, exporters.Failed, 1},
		"completed with errors":                {[]winevent.Event{event(1, begin), event(7, end), event(14, after)}, exporters.Warning, 1},
		"cancelled":                            {[]winevent.Event{event(1, begin), event(8, end), event(14, after)}, exporters.Cancelled, 1},
		"failed to start":                      {[]winevent.Event{event(19, begin)}, exporters.Failed, 1},
		"no target":                            {[]winevent.Event{event(49, begin)}, exporters.Failed, 1},
		"volume missing, otherwise good":       {[]winevent.Event{event(1, begin), event(146, mid), event(4, end), event(14, after)}, exporters.Warning, 1},
		"low space alone is no run":            {[]winevent.Event{event(51, begin)}, 0, 0},
		"good with lost files":                 {[]winevent.Event{event(4, end, "hresult", "0", "detailedhresult", "2147942833")}, exporters.Warning, 1},
		"good that is none":                    {[]winevent.Event{event(4, end, "hresult", "0x807800C5")}, exporters.Failed, 1},
		"good, and a 14 with a code after it":  {[]winevent.Event{event(1, begin), event(4, end), event(14, after, "hresult", "1")}, exporters.Failed, 1},
		"an event of nobody knows what":        {[]winevent.Event{event(1234, end)}, 0, 0},
		"two runs":                             {[]winevent.Event{event(4, begin), event(14, begin), event(1, mid), event(5, end), event(14, after)}, exporters.Failed, 2},
		"two failures to start, an hour apart": {[]winevent.Event{event(19, "2026-03-09T19:00:00Z"), event(19, begin)}, exporters.Failed, 2},
		"newest first":                         {[]winevent.Event{event(14, after), event(4, end), event(1, begin)}, exporters.Success, 1},
	} {
		t.Run(name, func(t *testing.T) {
			runs, _ := outcomes(c.events, now)
			if len(runs) != c.runs || c.runs > 0 && runs[len(runs)-1].Result != c.want {
				t.Errorf("got %+v, want %d runs, the last %s", runs, c.runs, c.want)
			}
		})
	}
	_, since := outcomes([]winevent.Event{event(1, mid)}, now)
	if !since.Equal(at(mid)) {
		t.Errorf("running since %v", since)
	}
	if _, since := outcomes([]winevent.Event{event(1, mid)}, now.Add(72*time.Hour)); !since.IsZero() {
		t.Errorf("a start of three days ago still runs: %v", since)
	}
	e := event(5, end)
	e.Provider = "Somebody"
	if runs, _ := outcomes([]winevent.Event{e}, now); len(runs) != 0 {
		t.Error("another provider's event counts")
	}
}

func TestSummaryInEveryForm(t *testing.T) {
	for _, file := range []string{"summary.en.json", "summary.fr.json"} {
		for name, data := range encodings(string(read(t, file))) {
			s, err := ParseSummary(data)
			if err != nil {
				t.Fatalf("%s %s: %v", file, name, err)
			}
			result, text := s.result()
			if !s.LastBackupTime.Equal(at("2026-03-09T20:00:03Z")) || !s.LastSuccessfulBackupTime.Equal(at("2026-03-08T20:00:03Z")) ||
				!s.NextBackupTime.Equal(at("2026-03-10T20:00:00Z")) || result != exporters.Failed || *s.LastBackupResultHR != 0x807800C5 {
				t.Errorf("%s %s: %+v, %s %q", file, name, s, result, text)
			}
		}
	}
}

func TestSummaryThatNeverRan(t *testing.T) {
	for _, never := range []string{`null`, `"0001-01-01T00:00:00"`, `"1601-01-01T00:00:00Z"`, `"1899-12-30T00:00:00"`, `"\/Date(-62135596800000)\/"`, `"\/Date(-11644473600000)\/"`, `0`} {
		s, err := ParseSummary([]byte(`{"CurrentOperationStatus":"NoOperationInProgress","LastBackupResultHR":0,"LastBackupResultDetailedHR":0,
			"LastBackupTime":` + never + `,"LastSuccessfulBackupTime":` + never + `}`))
		if err != nil || !s.LastBackupTime.IsZero() || !s.LastSuccessfulBackupTime.IsZero() {
			t.Errorf("%s: %v, %+v", never, err, s)
		}
	}
}

func TestSummaryThatIsNone(t *testing.T) {
	for _, text := range []string{``, `{}`, `null`, `[]`, `{"CurrentOperationStatus":"NoOperationInProgress","LastBackupTime":1773086403}`,
		`{"CurrentOperationStatus":"NoOperationInProgress","LastBackupTime":1773086403,"LastBackupResultHR":null,"LastBackupResultDetailedHR":0}`,
		`{"CurrentOperationStatus":"NoOperationInProgress","LastBackupTime":"11/03/2026 01:12:26","LastBackupResultHR":0,"LastBackupResultDetailedHR":0}`,
		`{"CurrentOperationStatus":"x","Schedule":[1440]}`, `{"CurrentOperationStatus":"x","LastBackupResultHR":4294967296}`,
		`NextBackupTime : 11/03/2026 22:00:00`} {
		if s, err := ParseSummary([]byte(text)); err == nil {
			t.Errorf("%s was taken: %+v", text, s)
		}
	}
}

func TestHResult(t *testing.T) {
	for text, want := range map[string]HResult{"0": 0, "2155348165": 0x807800C5, "-2139619131": 0x807800C5, "0x807800C5": 0x807800C5, " 1 ": 1} {
		if got, err := ParseHResult(text); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "4294967296", "-2147483649", "1.5"} {
		if got, err := ParseHResult(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		at   []int
		want time.Duration
	}{{nil, 0}, {[]int{1260}, 24 * time.Hour}, {[]int{1260, 540}, 12 * time.Hour}, {[]int{480, 720, 1080}, 14 * time.Hour}} {
		s := Summary{Schedule: c.at}
		if got := s.interval(); got != c.want {
			t.Errorf("%v: %v, want %v", c.at, got, c.want)
		}
	}
}

func TestVersions(t *testing.T) {
	for file, want := range map[string]int{"versions.en.txt": 2, "versions.fr.txt": 1} {
		for name, data := range encodings(string(read(t, file))) {
			got, err := ParseVersions(data)
			sourcetest.Check(t, err)
			if len(got) != want || !got[len(got)-1].Equal(at("2026-03-08T20:00:00Z")) {
				t.Errorf("%s %s: %v", file, name, got)
			}
		}
	}
	// cp850, as wbadmin writes on a French machine.
	got, err := ParseVersions([]byte("Identificateur : 03/08/2026-20:00\r\nR\x82cup\x82ration 13/40/2026-20:00"))
	if sourcetest.Check(t, err); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// The published outputs have to be understood as far as they are in a form
// that is promised: identifiers. The tables of Get-WBSummary are regional.
func TestPublishedSamples(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(samples(), "wsb", "wbadmin-get-versions.en.txt"))
	if os.IsNotExist(err) {
		t.Skip("the published samples are not on this machine")
	}
	sourcetest.Check(t, err)
	got, err := ParseVersions(data)
	sourcetest.Check(t, err)
	if len(got) != 1 || !got[0].Equal(at("2026-06-30T19:26:00Z")) {
		t.Errorf("got %v", got)
	}
}

func FuzzSummary(f *testing.F) {
	for _, file := range []string{"summary.en.json", "summary.fr.json"} {
		for _, data := range encodings(string(read(f, file))) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSummary(data)
		if err != nil {
			return
		}
		result, _ := s.result()
		if result == exporters.Success && (*s.LastBackupResultHR != 0 || *s.LastBackupResultDetailedHR != 0) {
			t.Error("a code other than zero is no success")
		}
		if d := s.interval(); d < 0 || d > 24*time.Hour {
			t.Errorf("interval %v", d)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}

func FuzzVersions(f *testing.F) {
	f.Add(read(f, "versions.en.txt"))
	f.Add(utf16LE(string(read(f, "versions.fr.txt")), true))
	f.Fuzz(func(t *testing.T, data []byte) {
		versions, _ := ParseVersions(data)
		for _, v := range versions {
			if v.Year() > 9999 || v.Location() != time.UTC {
				t.Errorf("%v", v)
			}
		}
	})
}

func FuzzOutcomes(f *testing.F) {
	f.Add(read(f, "events.en.xml"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := winevent.Parse(data)
		if err != nil {
			return
		}
		runs, _ := outcomes(events, at("2026-03-10T08:00:00Z"))
		if len(runs) > len(events) {
			t.Errorf("%d runs of %d events", len(runs), len(events))
		}
	})
}

// samples is the folder of published records, which is not part of the project.
func samples() string {
	if dir := os.Getenv("VIGIE_SAMPLES"); dir != "" {
		return dir
	}
	return "../../../shared/samples"
}

package winevent

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

func TestParse(t *testing.T) {
	data, err := os.ReadFile("../windowsbackup/testdata/events.en.xml")
	if err != nil {
		t.Fatal(err)
	}
	events, err := Parse(data)
	if err != nil || len(events) != 8 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	e := events[4]
	if e.ID != 5 || e.Level != LevelError || e.RecordID != 105 || e.Value("hresult") != "2155348165" || e.Value("BackupTarget") != `Disk01 "E:"` ||
		e.Channel != "Microsoft-Windows-Backup" || e.Computer != "SRV-AD.dupont.example" || e.Message == "" || !e.Time.Equal(time.Date(2026, 3, 9, 20, 12, 26, 0, time.UTC)) {
		t.Errorf("got %+v", e)
	}
	// wevtutil without a common element, unnamed data, and the old way to write an id.
	const plain = `<Event xmlns='x'><System><Provider Name='Veeam MP'/><EventID Qualifiers='0'>190</EventID><Level>4</Level><TimeCreated SystemTime='2026-03-09T20:12:26.1234567Z'/></System><EventData><Data>a</Data><Data></Data><Data>c</Data></EventData></Event>
<Event xmlns='x'><System><Provider Name='P'/><EventID>1</EventID><TimeCreated SystemTime='2026-03-09T20:12:26Z'/></System><UserData><A xmlns='y'><Result>7</Result></A></UserData></Event>`
	events, err = Parse([]byte(plain))
	if err != nil || len(events) != 2 || !slices.Equal(events[0].Data, []string{"a", "", "c"}) || events[1].Value("result") != "7" || events[1].Level != -1 {
		t.Errorf("%v, %+v", err, events)
	}
	if events, err := Parse(nil); err != nil || len(events) != 0 {
		t.Errorf("nothing: %v %v", events, err)
	}
}

func TestParseRefusesWhatIsNotWhole(t *testing.T) {
	const event = `<Event><System><EventID>1</EventID><TimeCreated SystemTime='2026-03-09T20:12:26Z'/></System></Event>`
	for name, text := range map[string]string{
		"cut list": "<Events>" + event, "cut event": event[:40], "text": "access denied", "html": "<html><body/></html>",
		"no id": strings.Replace(event, "<EventID>1</EventID>", "", 1), "no instant": strings.Replace(event, "2026-", "x", 1),
		"half a character": "\xff\xfe<",
	} {
		if events, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken: %+v", name, events)
		}
	}
}

func TestQuery(t *testing.T) {
	q := Query{Channel: "Application", Provider: "Microsoft-Windows-Backup", IDs: []int{546, 517, 544, 545, 561}, Since: time.Date(2026, 2, 7, 8, 0, 0, 0, time.UTC)}
	path, err := q.XPath()
	const want = "*[System[Provider[@Name='Microsoft-Windows-Backup'] and (EventID=517 or (EventID>=544 and EventID<=546) or EventID=561) and TimeCreated[@SystemTime>='2026-02-07T08:00:00.000Z']]]"
	if err != nil || path != want {
		t.Errorf("%v\n got %q\nwant %q", err, path, want)
	}
	if _, err := (Query{Channel: "x' or '1"}).XPath(); err == nil {
		t.Error("a quote in a name was taken")
	}
}

func TestRun(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here")
	}
	run := func(script string, timeout time.Duration) (string, error) {
		out, err := Run(t.Context(), RunOptions{Endpoint: "events", Timeout: timeout, Program: sh, Args: []string{"-c", script}})
		return string(out), err
	}
	if out, err := run("printf hello", time.Minute); err != nil || out != "hello" {
		t.Errorf("%q %v", out, err)
	}
	if _, err := run("echo no such thing >&2; exit 5", time.Minute); exporters.ReasonOf(err) != exporters.ReasonForbidden || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("%v", err)
	}
	if _, err := run("exec sleep 60", 50*time.Millisecond); exporters.ReasonOf(err) != exporters.ReasonTimeout {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"../windowsbackup/testdata/events.en.xml", "../windowsbackup/testdata/events.fr.xml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("<\x00E\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := Parse(data)
		if err != nil && events != nil {
			t.Error("events beside an error")
		}
		for _, e := range events {
			if e.Time.IsZero() && e.Time.Year() != 1 || e.ID < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}

// Windows escapes the elements in a value; exports that were written anew hold them as they are.
func TestElementsInAValue(t *testing.T) {
	for _, value := range []string{`<VolumeInfo><Item Name="C:" /></VolumeInfo>`, `&lt;VolumeInfo&gt;&lt;Item Name="C:" /&gt;&lt;/VolumeInfo&gt;`} {
		got, err := Parse([]byte(`<Event><System><EventID>4</EventID><TimeCreated SystemTime='2026-03-09T10:00:00Z'/></System><EventData><Data Name='VolumesInfo'>` + value + `</Data></EventData></Event>`))
		if err != nil || got[0].Value("VolumesInfo") != `<VolumeInfo><Item Name="C:" /></VolumeInfo>` {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
}

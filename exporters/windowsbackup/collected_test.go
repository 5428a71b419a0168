package windowsbackup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
	"vigie/exporters/winevent"
)

// A machine that exports its logs is read as if the exporter ran on it.
func TestCollectedFolderTellsTheSame(t *testing.T) {
	m := newMachine(t)
	now := func() time.Time { return m.now }
	folder := t.TempDir()
	events := string(read(t, "events.fr.xml")) // of both logs: each reading picks what is its own
	for name, data := range map[string]string{
		winevent.FileOf(Channel): events, "Application.xml": events, "summary.json": m.summary,
	} {
		file := filepath.Join(folder, name)
		sourcetest.Check(t, os.WriteFile(file, []byte(data), 0o600))
		sourcetest.Check(t, os.Chtimes(file, m.now, m.now))
	}
	owner := exporters.Owner{Customer: "dupont", CustomerName: "Dupont SA"}
	c := &Config{Owner: owner, Host: exporters.Host{Machine: "SRV-COMPTA"}, Collected: &winevent.Collected{Folder: folder}}
	sourcetest.Check(t, c.Validate(""))
	there, err := New(c, exporters.SourceOptions{Now: now})
	sourcetest.Check(t, err)
	got, err := there.Fetch(t.Context())
	sourcetest.Check(t, err)
	here := newSource(c, m.host(), exporters.SourceOptions{Now: now})
	want, err := here.Fetch(t.Context())
	sourcetest.Check(t, err)
	if len(got.Jobs) != 1 || len(got.Jobs[0].Runs) == 0 {
		t.Fatalf("no runs: %+v", got.Jobs)
	}
	if diff := cmp.Diff(want.Jobs, got.Jobs, cmpopts.IgnoreUnexported(exporters.Job{}, exporters.Run{})); diff != "" {
		t.Error(diff)
	}

	m.now = m.now.Add(27 * time.Hour)
	if _, err := there.Fetch(t.Context()); exporters.ReasonOf(err) != exporters.ReasonTimeout {
		t.Errorf("an export that is too old: %v", err)
	}
}

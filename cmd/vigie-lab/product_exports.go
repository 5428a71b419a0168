package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/exporters/veeamevents"
	"vigie/exporters/windowsbackup"
	"vigie/exporters/winevent"
)

// exportedLog is the event log of one Windows machine, exported into a folder
// as deploy/scripts/export-events.ps1 does.
type exportedLog struct {
	now     func() time.Time
	source  *SourceState
	log     string // its name in Windows
	errText string
	// run returns the events of one run.
	run  func(b *Backup, begin, end time.Time) []winEvent
	kept []winEvent
}

// keptEvents bounds the machine's log, the newest staying.
const keptEvents = 400

// newWindowsBackup is Windows Server Backup on one machine.
func newWindowsBackup(p *products, name string, m *Machine, role string) product {
	return newExport(p, SourceState{Name: name, Kind: windowsbackup.Engine, Title: "Windows Server Backup on " + m.Name + " of " + m.CustomerName}, m, role,
		&exportedLog{log: windowsbackup.Channel, errText: "The backup storage location is not there (0x800701B1).", run: windowsRun})
}

// newVeeamAgent is Veeam Agent on one machine, which no server manages.
func newVeeamAgent(p *products, name string, m *Machine, role string) product {
	return newExport(p, SourceState{Name: name, Kind: veeamevents.Key, Title: "Veeam Agent on " + m.Name + " of " + m.CustomerName}, m, role,
		&exportedLog{log: "Veeam Agent", errText: "The network path was not found.", run: agentRun})
}

func newExport(p *products, s SourceState, m *Machine, role string, l *exportedLog) product {
	s.Customer, s.CustomerName, s.Machine, s.Class, s.Role = m.Customer, m.CustomerName, m.Name, m.Class, role
	s.Folder = filepath.Join(p.options.Exports, s.Name)
	l.now = p.now
	l.source = p.source(s)
	l.source.setDown = func(down bool) {
		if down {
			_ = os.Remove(l.file())
			return
		}
		_ = l.export() // the exporter says that the log is missing
	}
	return l
}

func (l *exportedLog) file() string { return filepath.Join(l.source.Folder, winevent.FileOf(l.log)) }

func (l *exportedLog) enter(*Backup) {}

func (l *exportedLog) able(b *Backup, c Condition) bool { return c == Good || c == Failing }

func (l *exportedLog) usual() string { return l.errText }

func (l *exportedLog) late() bool { return false }

func (l *exportedLog) happen(b *Backup) error {
	end := l.now().UTC()
	l.kept = append(l.kept, l.run(b, end.Add(-time.Second), end)...)
	l.kept = l.kept[max(0, len(l.kept)-keptEvents):]
	if l.source.Down {
		return nil
	}
	return l.export()
}

// export writes the whole log.
func (l *exportedLog) export() error {
	if err := os.MkdirAll(l.source.Folder, 0o700); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("<Events>\n")
	for i, e := range l.kept {
		e.write(&b, l.log, i+1)
	}
	b.WriteString("</Events>\n")
	return writeFile(l.file(), []byte(b.String()))
}

// winEvent is one event as Windows renders it.
type winEvent struct {
	provider, computer string
	id, level          int
	at                 time.Time
	data               [][2]string
	message            string
}

func (e *winEvent) write(b *strings.Builder, log string, record int) {
	fmt.Fprintf(b, "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='%s'/><EventID>%d</EventID><Level>%d</Level>"+
		"<TimeCreated SystemTime='%s'/><EventRecordID>%d</EventRecordID><Channel>%s</Channel><Computer>%s</Computer></System><EventData>",
		escaped(e.provider), e.id, e.level, e.at.Format(time.RFC3339Nano), record, escaped(log), escaped(e.computer))
	for _, d := range e.data {
		fmt.Fprintf(b, "<Data Name='%s'>%s</Data>", escaped(d[0]), escaped(d[1]))
	}
	fmt.Fprintf(b, "</EventData><RenderingInfo Culture='en-US'><Message>%s</Message></RenderingInfo></Event>\n", escaped(e.message))
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func windowsRun(b *Backup, begin, end time.Time) []winEvent {
	event := func(id, level int, at time.Time, code, message string) winEvent {
		return winEvent{provider: windowsbackup.Provider, computer: b.name, id: id, level: level, at: at, message: message,
			data: [][2]string{{"BackupTime", begin.Format(time.RFC3339Nano)}, {"HRESULT", code}, {"DetailedHRESULT", code}}}
	}
	started := event(1, winevent.LevelInformation, begin, "0", "The backup operation has started.")
	if b.Condition == Good {
		return []winEvent{started, event(4, winevent.LevelInformation, end, "0", "The backup operation has finished successfully.")}
	}
	return []winEvent{started, event(5, winevent.LevelError, end, "2147942833", b.Error)}
}

func agentRun(b *Backup, begin, end time.Time) []winEvent {
	event := func(id, level int, at time.Time, message string) winEvent {
		return winEvent{provider: "Veeam Agent", computer: b.name, id: id, level: level, at: at, message: "Veeam Agent '" + b.Plan + "' " + message}
	}
	started := event(110, winevent.LevelInformation, begin, "has been started.")
	if b.Condition == Good {
		return []winEvent{started, event(190, winevent.LevelInformation, end, "finished with Success.")}
	}
	return []winEvent{started, event(190, winevent.LevelError, end, "finished with Error. "+b.Error)}
}

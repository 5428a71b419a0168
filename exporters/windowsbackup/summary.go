package windowsbackup

import (
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// script emits the summary that ParseSummary reads.
//
//go:embed summary.ps1
var script string

// HResult is a result code of Windows: 0 is success. It is 32 bits without a
// sign, written in decimal, with or without a sign, or in hexadecimal.
type HResult uint32

// String gives the form in which people look codes up.
func (h HResult) String() string { return fmt.Sprintf("0x%08X", uint32(h)) }

// ParseHResult reads a code.
func ParseHResult(s string) (HResult, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 0, 64); err == nil && n >= -1<<31 && n < 1<<32 {
		return HResult(uint32(n)), nil
	}
	return 0, fmt.Errorf("%.40q is no result code", s)
}

// UnmarshalJSON reads a number or its text; null is an error, since a missing
// code must not look like success.
func (h *HResult) UnmarshalJSON(data []byte) error {
	var t exporters.Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	v, err := ParseHResult(string(t))
	*h = v
	return err
}

// Summary is what Get-WBSummary tells. Instants that never were are zero.
type Summary struct {
	NextBackupTime             exporters.Instant
	LastSuccessfulBackupTime   exporters.Instant
	LastBackupTime             exporters.Instant
	NumberOfVersions           exporters.Number
	LastBackupResultHR         *HResult
	LastBackupResultDetailedHR *HResult
	DetailedMessage            exporters.Text // in the language of the system
	CurrentOperationStatus     exporters.Text
	// Schedule are the daily starts in minutes after midnight, empty if
	// Windows plans none.
	Schedule minutes
}

// minutes is a list of numbers, or one: a list of one is no list to PowerShell.
type minutes []int

// UnmarshalJSON reads numbers, bare or in quotes.
func (m *minutes) UnmarshalJSON(data []byte) error {
	var all []exporters.Number
	if data[0] != '[' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*m = nil
	for _, n := range all {
		if n.Told {
			*m = append(*m, n.Int())
		}
	}
	return nil
}

// ParseSummary reads the JSON of the bundled script, and that of a plain
// ConvertTo-Json: UTF-8 or UTF-16, instants in seconds, "/Date(ms)/" or ISO.
func ParseSummary(data []byte) (Summary, error) {
	text, err := winevent.Text(data)
	if err != nil {
		return Summary{}, err
	}
	var s Summary
	if _, err := exporters.Lenient([]byte(text), &s); err != nil {
		return Summary{}, fmt.Errorf("the summary is not the expected JSON: %w", err)
	}
	switch {
	case s.CurrentOperationStatus == "":
		return Summary{}, errors.New("the summary lacks CurrentOperationStatus, so it is none")
	case !s.LastBackupTime.IsZero() && (s.LastBackupResultHR == nil || s.LastBackupResultDetailedHR == nil):
		return Summary{}, errors.New("the summary tells a backup without its result code")
	case s.LastBackupTime.Bad || s.LastSuccessfulBackupTime.Bad:
		return Summary{}, errors.New("the summary holds an instant that cannot be read")
	}
	for _, m := range s.Schedule {
		if m < 0 || m >= 24*60 {
			return Summary{}, fmt.Errorf("%d is no minute of a day", m)
		}
	}
	return s, nil
}

// result reads the codes of the last backup.
func (s *Summary) result() (exporters.Result, string) {
	if s.LastBackupResultHR == nil || s.LastBackupResultDetailedHR == nil {
		return exporters.Unknown, ""
	}
	return judge(*s.LastBackupResultHR, *s.LastBackupResultDetailedHR), explain(*s.LastBackupResultHR, *s.LastBackupResultDetailedHR, string(s.DetailedMessage))
}

// judge: a backup that succeeded as a whole may still have lost single files,
// which only the detailed code tells.
func judge(hr, detailed HResult) exporters.Result {
	switch {
	case hr != 0:
		return exporters.Failed
	case detailed != 0:
		return exporters.Warning
	default:
		return exporters.Success
	}
}

func explain(hr, detailed HResult, message string) string {
	if hr == 0 && detailed == 0 {
		return ""
	}
	text := "result " + hr.String()
	if detailed != 0 && detailed != hr {
		text += ", detail " + detailed.String()
	}
	if message = strings.TrimSpace(message); message != "" {
		text = message + " (" + text + ")"
	}
	return text
}

// running reads the status; known is false for a word that is not known.
func (s *Summary) running() (running, known bool) {
	switch s.CurrentOperationStatus.Lower() {
	case "nooperationinprogress", "0": // as plain ConvertTo-Json writes it
		return false, true
	case "backupinprogress":
		return true, true
	default:
		return false, false
	}
}

// interval is the longest pause between two planned starts, zero if none is planned.
func (s *Summary) interval() time.Duration {
	if len(s.Schedule) == 0 {
		return 0
	}
	starts := slices.Sorted(slices.Values(s.Schedule))
	longest := starts[0] + 24*60 - starts[len(starts)-1]
	for i := 1; i < len(starts); i++ {
		longest = max(longest, starts[i]-starts[i-1])
	}
	return time.Duration(longest) * time.Minute
}

// encoded gives a script in the form that -EncodedCommand takes.
func encoded(script string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune(script)) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return base64.StdEncoding.EncodeToString(data)
}

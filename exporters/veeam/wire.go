package veeam

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

// The wire types take every revision from 1.1 to 1.3. Words change their case
// between revisions and are only ever compared without regard to it.

type jobState struct {
	ID              exporters.Text    `json:"id"`
	Name            exporters.Text    `json:"name"`
	Type            exporters.Text    `json:"type"`
	Status          exporters.Text    `json:"status"`
	LastResult      exporters.Text    `json:"lastResult"`
	Workload        exporters.Text    `json:"workload"`
	LastRun         exporters.Instant `json:"lastRun"`
	NextRun         exporters.Instant `json:"nextRun"`
	NextRunPolicy   exporters.Text    `json:"nextRunPolicy"` // in words
	ObjectsCount    exporters.Number  `json:"objectsCount"`
	SessionID       exporters.Text    `json:"sessionId"`
	SessionProgress struct {
		ProcessedSize exporters.Number `json:"processedSize"`
	} `json:"sessionProgress"`
}

// onDemand tells a job that nothing starts but a person. One that follows another
// job, or that is disabled, says something else.
func (j *jobState) onDemand() bool {
	return j.NextRun.IsZero() && strings.Trim(j.NextRunPolicy.Lower(), "<> .") == "not scheduled"
}

// verifies tells a job that looks at what others saved. It is no backup of these machines.
func (j *jobState) verifies() bool { return strings.HasPrefix(j.Type.Lower(), "surebackup") }

type outcome struct {
	Result     exporters.Text `json:"result"`
	Message    exporters.Text `json:"message"`
	IsCanceled exporters.Flag `json:"isCanceled"`
}

type session struct {
	ID           exporters.Text    `json:"id"`
	Name         exporters.Text    `json:"name"`
	JobID        exporters.Text    `json:"jobId"`
	ActivityID   exporters.Text    `json:"activityId"` // jobId's name in 1.1
	SessionType  exporters.Text    `json:"sessionType"`
	State        exporters.Text    `json:"state"`
	CreationTime exporters.Instant `json:"creationTime"`
	EndTime      exporters.Instant `json:"endTime"`
	Result       outcome           `json:"result"`
}

func (s *session) job() string {
	if s.JobID != "" {
		return s.JobID.Lower()
	}
	return s.ActivityID.Lower()
}

type taskSession struct {
	ID           exporters.Text    `json:"id"`
	SessionID    exporters.Text    `json:"sessionId"`
	Name         exporters.Text    `json:"name"`
	Type         exporters.Text    `json:"type"`
	State        exporters.Text    `json:"state"`
	CreationTime exporters.Instant `json:"creationTime"`
	EndTime      exporters.Instant `json:"endTime"`
	Result       outcome           `json:"result"`
	Progress     struct {
		Duration      span             `json:"duration"`
		ProcessedSize exporters.Number `json:"processedSize"`
	} `json:"progress"`
}

// backup is a chain of restore points on a disk, and whose it is.
type backup struct {
	ID    exporters.Text `json:"id"`
	JobID exporters.Text `json:"jobId"`
	Name  exporters.Text `json:"name"`
}

// restorePoint is one state of one object that can be restored.
type restorePoint struct {
	ID           exporters.Text    `json:"id"`
	Name         exporters.Text    `json:"name"`
	BackupID     exporters.Text    `json:"backupId"`
	CreationTime exporters.Instant `json:"creationTime"`
}

type repositoryState struct {
	ID         exporters.Text   `json:"id"`
	Name       exporters.Text   `json:"name"`
	CapacityGB exporters.Number `json:"capacityGB"`
	FreeGB     exporters.Number `json:"freeGB"`
	IsOnline   exporters.Flag   `json:"isOnline"`
}

type license struct {
	Status                 exporters.Text    `json:"status"`
	Type                   exporters.Text    `json:"type"`
	Edition                exporters.Text    `json:"edition"`
	ExpirationDate         exporters.Instant `json:"expirationDate"`
	SupportExpirationDate  exporters.Instant `json:"supportExpirationDate"`
	InstanceLicenseSummary struct {
		ExpirationDate exporters.Instant `json:"expirationDate"`
	} `json:"instanceLicenseSummary"`
}

type serverInfo struct {
	Name         exporters.Text `json:"name"`
	BuildVersion exporters.Text `json:"buildVersion"`
}

// span is a duration written "HH:MM:SS" or "D.HH:MM:SS".
type span time.Duration

func (s *span) UnmarshalJSON(data []byte) error {
	var t exporters.Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	d, _ := parseSpan(string(t)) // what cannot be read says nothing
	*s = span(d)
	return nil
}

func parseSpan(text string) (time.Duration, error) {
	days := 0
	clock := text
	if d, rest, ok := strings.Cut(text, "."); ok && strings.Contains(rest, ":") {
		n, err := strconv.Atoi(d)
		if err != nil || n < 0 || n > 100_000 {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		days, clock = n, rest
	}
	clock, _, _ = strings.Cut(clock, ".")
	parts := strings.Split(clock, ":")
	if len(parts) != 3 {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	total := time.Duration(days) * 24 * time.Hour
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > 100_000 {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// page is one page of any listing.
type page[T any] struct {
	exporters.Rows[T]
	total int
	told  bool // whether the server tells the total
}

// UnmarshalJSON refuses a page without data: without it a listing could end
// early unnoticed.
func (p *page[T]) UnmarshalJSON(data []byte) error {
	var raw struct {
		Data       exporters.Rows[T] `json:"data"`
		Pagination struct {
			Total exporters.Number `json:"total"`
		} `json:"pagination"`
	}
	raw.Data.Null = true // unless it is there
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	total := raw.Pagination.Total
	if raw.Data.NoList() || raw.Data.Unreadable(total) || raw.Data.Null && (!total.Told || total.Value > 0) {
		return errors.New("there is no list with its total in it")
	}
	*p = page[T]{Rows: raw.Data, total: total.Int(), told: total.Told}
	return nil
}

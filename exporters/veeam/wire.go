package veeam

import (
	"encoding/json"
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
	Name            string            `json:"name"`
	Type            string            `json:"type"`
	Status          string            `json:"status"`
	LastResult      string            `json:"lastResult"`
	Workload        string            `json:"workload"`
	LastRun         exporters.Instant `json:"lastRun"`
	NextRun         exporters.Instant `json:"nextRun"`
	ObjectsCount    int               `json:"objectsCount"`
	SessionID       exporters.Text    `json:"sessionId"`
	SessionProgress struct {
		ProcessedSize exporters.Amount `json:"processedSize"`
	} `json:"sessionProgress"`
}

type outcome struct {
	Result     string `json:"result"`
	Message    string `json:"message"`
	IsCanceled bool   `json:"isCanceled"`
}

type session struct {
	ID           exporters.Text    `json:"id"`
	Name         string            `json:"name"`
	JobID        exporters.Text    `json:"jobId"`
	ActivityID   exporters.Text    `json:"activityId"` // jobId's name in 1.1
	SessionType  string            `json:"sessionType"`
	State        string            `json:"state"`
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
	Name         string            `json:"name"`
	Type         string            `json:"type"`
	State        string            `json:"state"`
	CreationTime exporters.Instant `json:"creationTime"`
	EndTime      exporters.Instant `json:"endTime"`
	Result       outcome           `json:"result"`
	Progress     struct {
		Duration      span             `json:"duration"`
		ProcessedSize exporters.Amount `json:"processedSize"`
	} `json:"progress"`
}

// backup is a chain of restore points on a disk, and whose it is.
type backup struct {
	ID    exporters.Text `json:"id"`
	JobID exporters.Text `json:"jobId"`
	Name  string         `json:"name"`
}

// restorePoint is one state of one object that can be restored.
type restorePoint struct {
	ID           exporters.Text    `json:"id"`
	Name         string            `json:"name"`
	BackupID     exporters.Text    `json:"backupId"`
	CreationTime exporters.Instant `json:"creationTime"`
}

type repositoryState struct {
	ID         exporters.Text `json:"id"`
	Name       string         `json:"name"`
	CapacityGB float64        `json:"capacityGB"`
	FreeGB     float64        `json:"freeGB"`
	IsOnline   *bool          `json:"isOnline"`
}

type license struct {
	Status                 string            `json:"status"`
	Type                   string            `json:"type"`
	Edition                string            `json:"edition"`
	ExpirationDate         exporters.Instant `json:"expirationDate"`
	SupportExpirationDate  exporters.Instant `json:"supportExpirationDate"`
	InstanceLicenseSummary struct {
		ExpirationDate exporters.Instant `json:"expirationDate"`
	} `json:"instanceLicenseSummary"`
}

type serverInfo struct {
	Name         string `json:"name"`
	BuildVersion string `json:"buildVersion"`
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
	items []T
	total int
}

// UnmarshalJSON refuses a page without data or total: without them a listing
// could end early unnoticed.
func (p *page[T]) UnmarshalJSON(data []byte) error {
	var raw struct {
		Data       json.RawMessage `json:"data"`
		Pagination *struct {
			Total *int `json:"total"`
		} `json:"pagination"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Data == nil || raw.Pagination == nil || raw.Pagination.Total == nil {
		return errors.New("there is no list with its total in it")
	}
	var items []T
	if err := json.Unmarshal(raw.Data, &items); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	*p = page[T]{items: items, total: *raw.Pagination.Total}
	return nil
}

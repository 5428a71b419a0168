package veeamem

import (
	"encoding/json"
	"errors"
	"strings"

	"vigie/exporters"
)

// The wire types take version 12, which writes PascalCase, and 13, which
// writes camelCase: encoding/json does not regard case.

type session struct {
	UID             exporters.Text
	IsRetry         bool
	JobUID          exporters.Text
	JobName         string
	JobType         string
	CreationTimeUTC exporters.Instant
	EndTimeUTC      exporters.Instant
	State           string
	Result          string
	FailureMessage  exporters.Text
}

type taskSession struct {
	UID             exporters.Text
	JobSessionUID   exporters.Text
	CreationTimeUTC exporters.Instant
	EndTimeUTC      exporters.Instant
	State           string
	Result          string
	Reason          exporters.Text
	TotalSize       exporters.Amount
	VMDisplayName   string
}

type repository struct {
	UID       exporters.Text
	Name      string
	Capacity  float64 // bytes; -1 where the storage does not tell
	FreeSpace float64
	Links     []struct{ Name, Type string }
}

// server is the backup server that a repository belongs to.
func (r *repository) server() string {
	for _, l := range r.Links {
		if strings.EqualFold(l.Type, "BackupServerReference") {
			return l.Name
		}
	}
	return ""
}

// page is one page of a query.
type page struct {
	sessions []session
	tasks    []taskSession
	number   int
	size     int
	count    int // of pages
}

// UnmarshalJSON refuses a page that does not tell its place: without it a
// listing could end early unnoticed.
func (p *page) UnmarshalJSON(data []byte) error {
	var raw struct {
		Entities *struct {
			BackupJobSessions  struct{ BackupJobSessions []session }
			BackupTaskSessions struct{ BackupTaskSessions []taskSession }
		}
		PagingInfo *struct {
			PageNum, PageSize, PagesCount *int
		}
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	i := raw.PagingInfo
	if raw.Entities == nil || i == nil || i.PageNum == nil || i.PageSize == nil || i.PagesCount == nil {
		return errors.New("there is no list with its paging in it")
	}
	*p = page{sessions: raw.Entities.BackupJobSessions.BackupJobSessions, tasks: raw.Entities.BackupTaskSessions.BackupTaskSessions,
		number: *i.PageNum, size: *i.PageSize, count: *i.PagesCount}
	return nil
}

// repositories is the listing of repositories, which comes in one piece.
type repositories []repository

// UnmarshalJSON refuses an answer without the list.
func (r *repositories) UnmarshalJSON(data []byte) error {
	var raw struct{ Repositories *[]repository }
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.Repositories == nil {
		return errors.New("there is no list of repositories in it")
	}
	*r = *raw.Repositories
	return nil
}

// computer is a machine with an agent, or one that should have it.
type computer struct {
	Name        string
	HostStatus  string // Online or Offline
	AgentStatus string // Installed or not
}

// computers is their listing, which comes in one piece.
type computers []computer

// UnmarshalJSON refuses an answer without the list.
func (c *computers) UnmarshalJSON(data []byte) error {
	var raw struct{ DiscoveredComputers *[]computer }
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw.DiscoveredComputers == nil {
		return errors.New("there is no list of computers in it")
	}
	*c = *raw.DiscoveredComputers
	return nil
}

// bare gives the last part of "urn:veeam:Job:408829ea-…" in lower case.
func bare(urn exporters.Text) string {
	s := urn.Lower()
	return strings.TrimSpace(s[strings.LastIndexByte(s, ':')+1:])
}

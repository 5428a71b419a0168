package veeamem

import (
	"errors"
	"strings"

	"vigie/exporters"
)

// The wire types take version 12, which writes PascalCase, and 13, which
// writes camelCase: encoding/json does not regard case.

type session struct {
	UID             exporters.Text
	IsRetry         exporters.Flag
	JobUID          exporters.Text
	JobName         exporters.Text
	JobType         exporters.Text
	CreationTimeUTC exporters.Instant
	EndTimeUTC      exporters.Instant
	State           exporters.Text
	Result          exporters.Text
	FailureMessage  exporters.Text
	Links           exporters.Rows[link]
}

// agentSession is the type of a session for one machine of a job of agents.
const agentSession = "agentmanagement"

// parent is the session of the whole job, for one that is about a machine of it. The
// workers of a copy have one, too, and machines of their own.
func (s *session) parent() string {
	if s.JobType.Lower() != agentSession {
		return ""
	}
	for _, l := range s.Links.Items {
		if l.Rel.Lower() == "up" && l.Type.Lower() == "backupjobsessionreference" {
			id, _, _ := strings.Cut(l.Href.Lower(), "?")
			return id[strings.LastIndexByte(id, '/')+1:]
		}
	}
	return ""
}

// names gives the job and the machine: one of agents is called after both.
func (s *session) names() (plan, machine string) {
	name := strings.TrimSpace(string(s.JobName))
	if at := strings.LastIndex(name, " - "); at > 0 && s.JobType.Lower() == agentSession {
		return name[:at], strings.TrimSpace(name[at+3:])
	}
	return name, name
}

// task is what a session for one machine tells of it, as a part of its job's.
func (s *session) task() taskSession {
	_, machine := s.names()
	return taskSession{UID: s.UID, JobSessionUID: exporters.Text(s.parent()), CreationTimeUTC: s.CreationTimeUTC, EndTimeUTC: s.EndTimeUTC, State: s.State, Result: s.Result,
		Reason: s.FailureMessage, VMDisplayName: exporters.Text(machine)}
}

type taskSession struct {
	UID             exporters.Text
	JobSessionUID   exporters.Text
	CreationTimeUTC exporters.Instant
	EndTimeUTC      exporters.Instant
	State           exporters.Text
	Result          exporters.Text
	Reason          exporters.Text
	TotalSize       exporters.Number
	VMDisplayName   exporters.Text
}

type repository struct {
	UID       exporters.Text
	Name      exporters.Text
	Capacity  exporters.Number // bytes; -1 where the storage does not tell
	FreeSpace exporters.Number
	Links     exporters.Rows[link]
}

type link struct{ Rel, Name, Type, Href exporters.Text }

// server is the backup server that a repository belongs to.
func (r *repository) server() string {
	for _, l := range r.Links.Items {
		if l.Type.Lower() == "backupserverreference" {
			return string(l.Name)
		}
	}
	return ""
}

// page is one page of a query.
type page struct {
	sessions exporters.Rows[session]
	tasks    exporters.Rows[taskSession]
	number   int
	size     int
	count    int // of pages
}

// UnmarshalJSON refuses a page that does not tell its place: without it a
// listing could end early unnoticed.
func (p *page) UnmarshalJSON(data []byte) error {
	var raw struct {
		Entities *struct {
			BackupJobSessions struct {
				BackupJobSessions exporters.Rows[session]
			}
			BackupTaskSessions struct {
				BackupTaskSessions exporters.Rows[taskSession]
			}
		}
		PagingInfo struct {
			PageNum, PageSize, PagesCount exporters.Number
		}
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	i := raw.PagingInfo
	if raw.Entities == nil || raw.Entities.BackupJobSessions.BackupJobSessions.NoList() || raw.Entities.BackupTaskSessions.BackupTaskSessions.NoList() ||
		!i.PageNum.Told || !i.PageSize.Told || !i.PagesCount.Told {
		return errors.New("there is no list with its paging in it")
	}
	*p = page{sessions: raw.Entities.BackupJobSessions.BackupJobSessions, tasks: raw.Entities.BackupTaskSessions.BackupTaskSessions,
		number: i.PageNum.Int(), size: i.PageSize.Int(), count: i.PagesCount.Int()}
	return nil
}

// repositories is the listing of repositories, which comes in one piece.
type repositories struct{ exporters.Rows[repository] }

// UnmarshalJSON refuses an answer without the list.
func (r *repositories) UnmarshalJSON(data []byte) error {
	var raw struct {
		Repositories *exporters.Rows[repository]
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	if raw.Repositories == nil || raw.Repositories.Null {
		return errors.New("there is no list of repositories in it")
	}
	r.Rows = *raw.Repositories
	return nil
}

// computer is a machine with an agent, or one that should have it.
type computer struct {
	Name        exporters.Text
	HostStatus  exporters.Text // Online or Offline
	AgentStatus exporters.Text // Installed or not
}

// computers is their listing, which comes in one piece.
type computers struct{ exporters.Rows[computer] }

// UnmarshalJSON refuses an answer without the list.
func (c *computers) UnmarshalJSON(data []byte) error {
	var raw struct {
		DiscoveredComputers *exporters.Rows[computer]
	}
	if _, err := exporters.Lenient(data, &raw); err != nil {
		return err
	}
	if raw.DiscoveredComputers == nil || raw.DiscoveredComputers.Null {
		return errors.New("there is no list of computers in it")
	}
	c.Rows = *raw.DiscoveredComputers
	return nil
}

// bare gives the last part of "urn:veeam:Job:408829ea-…" in lower case.
func bare(urn exporters.Text) string {
	s := urn.Lower()
	return strings.TrimSpace(s[strings.LastIndexByte(s, ':')+1:])
}

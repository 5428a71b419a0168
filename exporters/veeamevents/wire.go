package veeamevents

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

const (
	backupChannel  = "Veeam Backup"
	backupProvider = "Veeam MP"
	agentChannel   = "Veeam Agent"
)

// The events of Veeam Backup & Replication.
const (
	jobStarted      = 110
	taskFinished    = 150
	jobFinished     = 190
	agentStarted    = 710
	agentFinished   = 790
	jobDeleted      = 23090
	agentWillRetry  = 191 // of Veeam Agent, as are 110, 190 and 23090
	unknownJobLabel = "Veeam Agent"
)

func backupIDs() []int {
	return []int{jobStarted, taskFinished, jobFinished, agentStarted, agentFinished, jobDeleted}
}

func agentIDs() []int { return []int{jobStarted, jobFinished, agentWillRetry, jobDeleted} }

// parameters gives the documented order of an event's data. Classic event
// sources write their data without names.
func parameters(id int) []string {
	switch id {
	case jobStarted, agentStarted:
		return []string{"jobsessionid", "jobid", "jobtype", "platform", "flags", "sourcetype"}
	case taskFinished:
		return []string{"jobsessionid", "jobid", "jobtype", "tasksessionid", "oibid", "originaloibid", "creationtime", "status", "jobdescription",
			"sourcehostname", "vmref", "vmname", "transferredgb", "platform", "isretry", "sourcetype", "vbrhostname", "vbrversion", "version", "description"}
	case jobFinished, agentFinished:
		return []string{"jobsessionid", "jobid", "jobresult", "jobtype", "platform", "willberetried", "jobname", "sourcetype", "vbrhostname", "vbrversion", "version", "description"}
	case jobDeleted:
		return []string{"jobid", "jobtype", "platform", "jobname"}
	}
	return nil
}

// fields are the data of an event by lower-case name.
type fields map[string]string

var guid = regexp.MustCompile(`^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`)

// read gives the data of an event of Veeam Backup & Replication; ok is false
// if they are not those that the event is documented to have. Data without names
// are believed as a whole or not at all, for one that is missing moves the others;
// of those with names the job and the result have to be there.
func read(e *winevent.Event) (f fields, ok bool) {
	f, named := fields{}, len(e.Named) > 0
	for name, value := range e.Named {
		f[name] = strings.TrimSpace(value)
	}
	if !named {
		for i, name := range parameters(e.ID) {
			if i < len(e.Data) {
				f[name] = strings.TrimSpace(e.Data[i])
			}
		}
	}
	switch {
	case !guid.MatchString(f["jobid"]):
		return nil, false
	case e.ID == jobDeleted:
		return f, true
	case named && !guid.MatchString(f["jobsessionid"]):
		f["jobsessionid"] = "event " + strconv.FormatUint(e.RecordID, 10) + " " + e.Time.UTC().Format(time.RFC3339Nano)
	}
	whole := guid.MatchString(f["jobsessionid"])
	switch e.ID {
	case jobFinished, agentFinished:
		return f, number(f["jobresult"]) && (named || whole && boolean(f["willberetried"]) && f["jobname"] != "")
	case taskFinished:
		return f, guid.MatchString(f["tasksessionid"]) && number(f["status"]) && f["vmname"] != "" && (named || whole)
	default:
		return f, whole // a start without a session would run for ever
	}
}

// id gives an id for comparing.
func (f fields) id(name string) string { return strings.ToLower(strings.Trim(f[name], "{}")) }

func number(s string) bool { _, err := strconv.Atoi(s); return err == nil }

func boolean(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

// jobResult reads JobResult, in which 1 is a warning.
func jobResult(code string) (r exporters.Result, known bool) {
	switch code {
	case "0":
		return exporters.Success, true
	case "1":
		return exporters.Warning, true
	case "2":
		return exporters.Failed, true
	}
	return exporters.Unknown, false
}

// taskStatus reads Status, in which 3 is a warning. A task in progress or
// pending is not finished.
func taskStatus(code string) (r exporters.Result, finished, known bool) {
	switch code {
	case "0":
		return exporters.Success, true, true
	case "2":
		return exporters.Failed, true, true
	case "3":
		return exporters.Warning, true, true
	case "5", "6":
		return exporters.Unknown, false, true
	}
	return exporters.Unknown, true, false
}

var agentWord = regexp.MustCompile(`(?i)\bfinished with (success|warning|error|fail)`)

// agentResult reads the level, and the word that the English text has for it: the
// worse of the two where they differ.
func agentResult(level int, text string) (r exporters.Result, known bool) {
	r, known = levelResult(level)
	m := agentWord.FindStringSubmatch(text)
	if m == nil {
		return r, known
	}
	word := exporters.Failed
	switch strings.ToLower(m[1]) {
	case "success":
		word = exporters.Success
	case "warning":
		word = exporters.Warning
	}
	if !known || word.Worse(r) {
		return word, true
	}
	return r, true
}

func levelResult(level int) (r exporters.Result, known bool) {
	switch level {
	case winevent.LevelInformation:
		return exporters.Success, true
	case winevent.LevelWarning:
		return exporters.Warning, true
	case winevent.LevelError:
		return exporters.Failed, true
	}
	return exporters.Unknown, false
}

var (
	agentText  = regexp.MustCompile(`^(?:Veeam Agent|EndpointBackup|Backup Job) (?:(?:job )?'(.+?)'|(.+?)) (?:has been started|finished with|has been deleted)`)
	agentRetry = regexp.MustCompile(`(?i)\bfinished with \w+ and will be retried\b`)
)

// promised tells whether an end says that another try follows. Event 191 means that,
// but some versions write it beside 190 for whatever is no success: what the English
// text says goes before.
func promised(e *winevent.Event, text string) bool {
	if agentWord.MatchString(text) {
		return agentRetry.MatchString(text)
	}
	return e.ID == agentWillRetry
}

// agentJob finds the job's name, which stands in the text only, and the text.
func agentJob(e *winevent.Event) (name, text string) {
	if name := strings.TrimSpace(e.Value("JobName")); name != "" {
		return name, e.Message
	}
	for _, text := range append([]string{e.Message, e.Value("Description")}, e.Data...) {
		if m := agentText.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
			return strings.TrimSpace(m[1] + m[2]), strings.TrimSpace(text)
		}
	}
	return "", e.Message
}

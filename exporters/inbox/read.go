package inbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/push"
	"vigie/internal/clip"
)

// maxRows bounds the results of one mail.
const maxRows = 1000

// Verdict is what the rules make of a mail: results, a reason to ignore it,
// or neither.
type Verdict struct {
	Rule     string // that decided; empty if none did
	Ignore   Ignored
	Readings []Reading
	// Problem says why there is nothing else, for a person.
	Problem string
	// Unread says what beside the readings could not be read.
	Unread []string
}

// Reading is one result of a mail.
type Reading struct {
	// Row is its place among the results of the mail, read or not.
	Row int
	// Customer is what the rule set or found; empty if it did not tell.
	Customer string
	// Report is complete but for run_id and customer.
	Report push.Report
	// Unknown names the fields whose values the rule does not know.
	Unknown []string
	// Whole marks the plan as a whole, which counts only if it was read before:
	// a plan that never failed as a whole is no machine.
	Whole bool
}

// Read finds the first rule that reads the mail. It is pure: the same mail and
// the same rules give the same verdict.
func (rs *Rules) Read(m *Mail, received time.Time) Verdict {
	if m.Ignore != "" {
		return Verdict{Ignore: m.Ignore}
	}
	for _, r := range rs.list {
		v, fits := r.read(m, received)
		switch {
		case r.aside != nil && (fits || r.claim(m)):
			return Verdict{Problem: "its rule is set aside: " + r.aside.Error()}
		case fits && v.Problem == "":
			return v
		case fits:
			// A looser rule behind would make something else of it.
			return Verdict{Problem: "rule " + r.Name + ": " + v.Problem}
		case r.claim(m):
			return Verdict{Problem: "rule " + r.Name + ": it claims the mail, and cannot read it"}
		}
	}
	if m.prefix > 0 || m.quotes {
		return Verdict{Problem: "no rule reads it: it answers or forwards another mail"}
	}
	return Verdict{Problem: "no rule reads it"}
}

// fitsSubject tells whether the subject is for the rule, and adds what it
// found. What somebody answers or forwards is no report of today: it is read only
// by a rule whose pattern of the subject begins with the mark of that. One that
// begins with anything whatever does not.
func (r *rule) fitsSubject(m *Mail, found map[string]string) bool {
	switch {
	case r.Ignore:
		return anyFits(r.subject, []string{m.bare, m.Subject}, found)
	case m.prefix > 0:
		if r.subject == nil {
			return false
		}
		anything := r.subject.FindStringIndex(noMark + m.bare[m.prefix:])
		if anything != nil && anything[0] < len(noMark) && !passedOnNamed.MatchString(r.Subject) {
			return false
		}
		at := r.subject.FindStringIndex(m.bare)
		return at != nil && at[0] < m.prefix && anyFits(r.subject, []string{m.bare}, found)
	default:
		return !m.quotes && anyFits(r.subject, []string{m.bare, m.Subject}, found)
	}
}

// claim tells whether the mail is for this rule alone.
func (r *rule) claim(m *Mail) bool {
	found := map[string]string{}
	return r.claims != nil && anyFits(r.from, m.From, found) && anyFits(r.to, m.To, found) &&
		r.fitsSubject(m, found) && slices.ContainsFunc(m.Texts, r.claims.MatchString)
}

// read tries one rule. Fits tells that the patterns do; the verdict may still
// be a problem.
func (r *rule) read(m *Mail, received time.Time) (Verdict, bool) {
	found := map[string]string{}
	if !anyFits(r.from, m.From, found) || !anyFits(r.to, m.To, found) || !r.fitsSubject(m, found) {
		return Verdict{}, false
	}
	texts := m.Texts
	if len(texts) == 0 {
		texts = []string{""}
	}
	var first Verdict
	fits := false
	for _, text := range texts {
		v, ok := r.readText(text, found, m, received)
		switch {
		case !ok:
		case !fits || first.Problem != "" && v.Problem == "":
			first, fits = v, true
		case v.Problem == "":
			first.compare(v)
		}
	}
	return first, fits
}

// compare holds what the page says of the jobs against the plain text: who reads the
// mail sees one of them only.
func (v *Verdict) compare(page Verdict) {
	mine := v.believed()
	for id, n := range page.believed() {
		other := page.Readings[n]
		at, told := mine[id]
		switch {
		case !told && badness(other.Report.Result) > 0:
			v.Unread = append(v.Unread, "the page alone tells of the job "+id.job)
		case told && badness(other.Report.Result) > badness(v.Readings[at].Report.Result):
			v.Readings[at] = other
			v.Unread = append(v.Unread, "the plain text and the page tell differently of the job "+id.job)
		}
	}
	slices.Sort(v.Unread)
}

// readingID names a job in a mail, in which several customers may have it.
type readingID struct{ customer, job string }

// believed gives the place of the reading that counts of each job: a row may tell of
// a run, and another of its retry.
func (v *Verdict) believed() map[readingID]int {
	out := map[readingID]int{}
	for i := range v.Readings {
		r := &v.Readings[i]
		id := readingID{r.Customer, r.Report.JobID}
		if at, known := out[id]; !known || r.supersedes(&v.Readings[at]) {
			out[id] = i
		}
	}
	return out
}

// anyFits adds what the first fitting text holds.
func anyFits(re *regexp.Regexp, in []string, found map[string]string) bool {
	if re == nil {
		return true
	}
	for _, s := range in {
		if match := re.FindStringSubmatch(s); match != nil {
			keep(re, match, found)
			return true
		}
	}
	return false
}

// keep adds named captures; what was found before stays.
func keep(re *regexp.Regexp, match []string, found map[string]string) {
	for i, name := range re.SubexpNames() {
		if v := strings.TrimSpace(match[i]); name != "" && v != "" && found[name] == "" {
			found[name] = v
		}
	}
}

func (r *rule) readText(text string, header map[string]string, m *Mail, received time.Time) (Verdict, bool) {
	blocks, fits := r.blocks(text, header)
	if !fits {
		return Verdict{}, false
	}
	var unread []string
	counted, overall, name := "", "", ""
	if r.rows != nil {
		counted, overall, name = blocks[0].found["count"], blocks[0].found["overall"], line(blocks[0].found["whole"])
		if blocks, unread = r.rowsOf(text, header); len(blocks) == 0 {
			return Verdict{}, false
		}
	}
	if r.Ignore {
		return Verdict{Rule: r.Name, Ignore: IgnoredRule}, true
	}
	if len(blocks) > maxRows {
		return Verdict{Problem: fmt.Sprintf("more than %d results", maxRows)}, true
	}
	v := Verdict{Rule: r.Name}
	jobs := map[string]int{} // the block's place in the readings, from 1
	for i, b := range blocks {
		reading, problem := Reading{}, b.bad
		if problem == "" {
			reading, problem = r.reading(b.found, b.text, m, received)
		}
		reading.Row = i
		id := reading.Report.JobID
		if at := jobs[id]; problem == "" && r.rows == nil && at > 0 {
			problem = "a second block tells of the job " + id
			if first := &v.Readings[at-1]; reading.supersedes(first) {
				*first = reading
			}
		}
		if problem != "" {
			unread = append(unread, problem)
			continue
		}
		v.Readings = append(v.Readings, reading)
		jobs[id] = len(v.Readings)
	}
	// A row that the pattern does not fit would go silent.
	if n, err := strconv.Atoi(counted); counted != "" && (err != nil || n != len(blocks)) {
		unread = append(unread, fmt.Sprintf("the mail counts %s results, the pattern rows finds %d", clip.Bytes(counted, 20), len(blocks)))
	}
	if whole, ok := r.whole(v.Readings, overall, name); ok && len(unread) == 0 {
		whole.Row = len(blocks)
		v.Readings = append(v.Readings, whole)
	}
	switch {
	case len(unread) == 0:
	case len(v.Readings) == 0:
		return Verdict{Problem: unread[0]}, true
	default:
		v.Unread = unread
	}
	return v, true
}

// whole makes of rows that are all good the success of their plan as a whole,
// and of a word for the whole that is worse than all of them its failure. Without
// a name of its own the whole is called like the plan of its rows.
func (r *rule) whole(rows []Reading, overall, name string) (Reading, bool) {
	if len(rows) == 0 {
		return Reading{}, false
	}
	out, worst := rows[0], 0
	for _, row := range rows {
		if name == "" && row.Report.Plan != out.Report.Plan || row.Customer != out.Customer {
			return Reading{}, false
		}
		worst = max(worst, badness(row.Report.Result))
		if row.Report.Ended.After(out.Report.Ended.Time) {
			out.Report.Ended = row.Report.Ended
		}
	}
	out.Whole, out.Unknown = true, nil
	p := &out.Report
	p.Plan = cmp.Or(name, p.Plan)
	p.Machine, p.Started, p.Size, p.Error, p.Result = p.Plan, exporters.Instant{}, exporters.Amount{}, "", exporters.Success.String()
	p.JobID = jobID(p.Engine, p.Machine, p.Plan)
	if meaning := r.words[wordKey(overall)]; badness(meaning) > worst {
		out.Whole, p.Result = false, meaning
		p.Error = fmt.Sprintf("the report says %q of the whole, and of none of its parts", clip.Bytes(line(overall), 60))
		return out, true
	}
	return out, r.EndsWhole && worst < badness(exporters.Failed.String()) && (overall == "" || r.words[wordKey(overall)] != "")
}

// supersedes tells which of two that tell of one job is believed: the later one,
// and of one instant the worse.
func (r *Reading) supersedes(other *Reading) bool {
	if !r.Report.Ended.Equal(other.Report.Ended.Time) {
		return r.Report.Ended.After(other.Report.Ended.Time)
	}
	return badness(r.Report.Result) > badness(other.Report.Result)
}

// badness orders results: good, with warnings, all else.
func badness(result string) int {
	switch result {
	case "", exporters.Success.String():
		return 0
	case exporters.Warning.String():
		return 1
	default:
		return 2
	}
}

// reading makes a report of what was found.
func (r *rule) reading(found map[string]string, text string, m *Mail, received time.Time) (Reading, string) {
	name := func(s string) string { return exporters.CleanName(printable(line(s))) }
	sent := m.sent(received)
	for _, key := range []string{"machine", "plan"} {
		if found[key] == "" {
			continue
		}
		found[key] = r.cleanName(found[key])
		if bad := r.badName(found[key], sent); bad != "" {
			return Reading{}, fmt.Sprintf("the name of the %s %s: %q", key, bad, clip.Bytes(found[key], 100))
		}
	}
	var out Reading
	out.Customer = name(cmp.Or(r.Set.Customer, found["customer"]))
	p := &out.Report
	p.Machine = name(cmp.Or(r.Set.Machine, found["machine"]))
	p.MachineClass, p.BackupRole, p.Engine, p.Interval = r.Set.MachineClass, r.Set.BackupRole, r.Set.Engine, r.Set.ExpectedInterval
	p.Plan = clip.Bytes(name(cmp.Or(r.Set.Plan, found["plan"], r.Set.Engine)), 256)
	p.ObjectType = clip.Bytes(name(cmp.Or(r.Set.ObjectType, found["object_type"])), 256)
	p.Target = clip.Bytes(name(found["target"]), 256)
	if p.Machine == "" {
		return out, "no machine found"
	}
	if len(p.Machine) > 256 {
		return out, "the name of the machine is longer than 256 bytes"
	}
	p.JobID = jobID(p.Engine, p.Machine, p.Plan)
	r.readResult(found, &out)
	r.worsen(text, &out)
	if p.Result == exporters.Success.String() {
		p.Error = ""
	}
	r.readTimes(found, text, sent, &out)
	if lost := received.Sub(p.Ended.Time) > lostTime; lost && !r.State {
		out.Unknown = append(out.Unknown, "ended")
		if badness(p.Result) > 0 { // it would hide behind the successes before
			p.Started, p.Ended = exporters.Instant{}, exporters.Instant{Time: received.UTC()}
		}
	}
	if problem := r.readState(found, text, sent, &out); problem != "" {
		return out, problem
	}
	if s := found["size"]; s != "" {
		n, ok := bytesOf(s)
		if !ok {
			out.Unknown = append(out.Unknown, "size")
		}
		if ok {
			p.Size = exporters.Told(n)
		}
	}
	return out, ""
}

// jobID stays the same from mail to mail; case does not matter to it.
func jobID(parts ...string) string {
	escape := strings.NewReplacer("%", "%25", "/", "%2F")
	for i := range parts {
		parts[i] = escape.Replace(strings.ToLower(parts[i]))
	}
	id := strings.Join(parts, "/")
	const limit = 128 // what push takes
	if len(id) <= limit {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return clip.Bytes(id, limit-17) + "~" + hex.EncodeToString(sum[:8])
}

func (r *rule) readResult(found map[string]string, out *Reading) {
	p := &out.Report
	p.Error = cmp.Or(found["error"], r.Set.Error)
	if p.Result = r.Set.Result; p.Result == "" {
		word := found["result"]
		meaning, known := r.words[wordKey(word)]
		p.Result = cmp.Or(meaning, r.Otherwise)
		if !known && r.Otherwise == "" {
			p.Result = exporters.Unknown.String()
			out.Unknown = append(out.Unknown, "result")
			p.Error = strings.TrimSpace(fmt.Sprintf("the report says %q, which rule %s does not know\n%s", clip.Bytes(line(word), 100), r.Name, p.Error))
		}
	}
}

// worsen takes from a success what the text takes from it.
func (r *rule) worsen(text string, out *Reading) {
	p := &out.Report
	if badness(p.Result) < 2 && len(r.warns)+len(r.fails) > 0 {
		text = withoutNotices(text)
	}
	fits := func(re *regexp.Regexp) bool { return re.MatchString(text) }
	if p.Result == exporters.Success.String() && slices.ContainsFunc(r.warns, fits) {
		p.Result = exporters.Warning.String()
	}
	if good := p.Result == exporters.Success.String() || p.Result == exporters.Warning.String(); good && slices.ContainsFunc(r.fails, fits) {
		p.Result = exporters.Failed.String()
	}
}

// readState looks at what a mail about a state says beside the last run: a
// success counts from the last success that it names, and is none where nothing
// was ever saved. The problem says why it tells nothing that can be believed.
func (r *rule) readState(found map[string]string, text string, sent time.Time, out *Reading) (problem string) {
	if !r.State {
		return ""
	}
	p := &out.Report
	good, clock := badness(p.Result) < badness(exporters.Failed.String()), r.clock.of(text, sent)
	// A time without a day would be the last one before the mail, of whatever day it was.
	_, whole := clock.whole(found["ended"], sent)
	untold := slices.Contains(out.Unknown, "ended") || !whole && found["day"] == ""
	switch {
	case (good || untold) && r.never != nil && r.never.MatchString(text):
		p.Result, p.Error = "missed", "nothing was ever saved"
		if untold {
			p.Started, p.Ended = exporters.Instant{}, exporters.Instant{Time: sent.UTC()}
		}
		return ""
	case untold:
		return fmt.Sprintf("the instant of the last run cannot be read: %q", clip.Bytes(found["ended"], 60))
	case !good || found["last_success"] == "":
		return ""
	}
	at, ok := clock.whole(found["last_success"], sent)
	if !ok || at.After(sent.Add(ahead)) {
		return fmt.Sprintf("the instant of the last success cannot be read: %q", clip.Bytes(found["last_success"], 60))
	}
	if at.Before(p.Ended.Time) {
		p.Started, p.Ended = exporters.Instant{}, exporters.Instant{Time: at.UTC()}
	}
	return ""
}

// ahead is how far after its mail a run may have ended, by clocks that differ.
const ahead = 24 * time.Hour

// lostTime is how long before its arrival no run ended: a clock that lost its time begins
// again in some year of the past.
const lostTime = 366 * 24 * time.Hour

// readTimes takes the mail's own date where the end cannot be read: it was
// sent when the run had ended. An end that lies ahead of it cannot be right.
func (r *rule) readTimes(found map[string]string, text string, sent time.Time, out *Reading) {
	clock := r.clock.of(text, sent)
	started, startOK := clock.instant(found["started"], found["day"], sent)
	ended, endOK := clock.instant(found["ended"], found["day"], sent)
	if found["started"] != "" && !startOK {
		out.Unknown = append(out.Unknown, "started")
	}
	_, hasDay := clock.whole(found["ended"], sent)
	if endOK && startOK {
		ended = clock.notBefore(started, ended)
	}
	if endOK && startOK && ended.Before(started) && started.Sub(ended) < 24*time.Hour && !hasDay {
		ended = ended.AddDate(0, 0, 1) // past midnight, with the day of the start
		endOK = !ended.After(sent.Add(startSlack))
	}
	endOK = endOK && !ended.After(sent.Add(ahead))
	if found["ended"] != "" && !endOK {
		out.Unknown = append(out.Unknown, "ended")
	}
	if !endOK {
		ended = sent
	}
	if startOK && started.After(ended) {
		out.Unknown = append(out.Unknown, "started")
		startOK = false
	}
	out.Report.Ended = exporters.Instant{Time: ended.UTC()}
	if startOK {
		out.Report.Started = exporters.Instant{Time: started.UTC()}
	}
}

package message

import (
	"slices"
	"strconv"
	"time"

	"vigie/internal/clip"
	"vigie/rules/incident"
)

// overview is the template of the morning's overview.
const overview = "morning-overview"

// Digest is the morning's overview. Its counts are known to the engine
// only; what is zero or empty is left out, except that All = 0 means that the
// number of machines is not known.
type Digest struct {
	At       time.Time
	Zone     string
	Language string
	To, Cc   []incident.Party

	// Due is when it should have left; it is late when At is much later.
	Due time.Time
	// Good of All machines have a backup as they should.
	Good, All int
	// Opened counts the failures that are new since the last one, by scenario.
	Opened []DigestLine
	// Answers are what customers and account managers wrote back since the last one.
	Answers []DigestAnswer
	// Incidents are the open incidents, each with its facts; they are sorted
	// into sections by state and scenario.
	Incidents []incident.Notification
	Silences  []DigestSilence
	Flaky     []DigestLine
	Unsorted  []DigestLine
	Issues    []DigestLine // what is wrong with the overview itself
	Faults    []DigestFault
	// Listed is what fires without being anybody's incident.
	Listed []DigestListed
	Gaps   []DigestGap  // in the duty of the days to come
	Chain  []DigestLine // exporters, Prometheus, Alertmanager, mail
	Health *DigestHealth
	Seal   string // of the journal
}

// DigestLine is one line of a section: what, and more about it.
type DigestLine struct {
	What   string
	Detail string
	Bad    bool // of the chain: not in order
}

// RenderDigest returns the morning's overview. It is sent also when all is well.
func (r *Renderer) RenderDigest(d Digest) (Rendered, error) {
	base := incident.Notification{Template: overview, Language: d.Language, DecidedAt: d.At, To: d.To, Cc: d.Cc}
	base.Data.Zone = d.Zone
	m, v, err := r.prepare([]incident.Notification{base})
	if err != nil {
		return Rendered{}, err
	}
	if len(d.Incidents) > 0 {
		v.Items = r.newView(d.Incidents, v.Language).Items
	} else {
		v.Items = nil
	}
	v.Digest = v.digest(&d)
	return r.render(m, v)
}

// digestLate is from when on a digest says that it is late.
const digestLate = 5 * time.Minute

// digestView is the digest as the template reads it.
type digestView struct {
	Date     string
	Counts   string // "407/412 OK"
	Summary  string // the subject's second half
	Late     string // since when it should have left
	Quiet    bool   // nothing to do, as far as is known
	Unknown  bool   // how many machines are backed up is not known: Quiet is no good news
	Sections []digestSection
	Lists    []digestList
	Seal     string
}

type digestSection struct {
	Name  string
	Table *table
}

type digestList struct {
	Name  string
	Lines []DigestLine
}

// digest sorts the view's items into sections; d adds what is not an incident.
func (v *view) digest(d *Digest) *digestView {
	g := &digestView{Date: v.Day(v.Ref)}
	sections := map[string][]*item{}
	for _, i := range v.Items {
		key := i.digestSection()
		sections[key] = append(sections[key], i)
	}
	for _, key := range []string{"due", "calls", "clients", "watched"} {
		if items := sections[key]; len(items) > 0 {
			sub := *v
			sub.Items, sub.item, sub.many = items, items[0], true
			list := sub.digestTable()
			if key == "calls" {
				list = sub.CallTable()
			}
			g.Sections = append(g.Sections, digestSection{v.Word("digest." + key), list})
		}
	}
	g.Summary = v.digestSummary(sections)
	g.Quiet = len(sections["due"])+len(sections["calls"])+len(sections["clients"]) == 0
	if d == nil {
		return g
	}
	g.Unknown = d.All == 0
	if g.Unknown {
		g.Counts = v.Word("digest.part_unknown")
		if g.Quiet {
			g.Summary = v.Word("digest.part_none_known")
		}
	} else {
		g.Counts = v.Say("digest.part_ok", "good", strconv.Itoa(d.Good), "all", strconv.Itoa(d.All))
	}
	if !d.Due.IsZero() && d.At.Sub(d.Due) > digestLate {
		g.Late = v.Moment(d.Due)
	}
	g.Seal = clip.Runes(cleanOneLine(d.Seal), maxField)
	for _, l := range []digestList{
		{v.Word("digest.opened"), d.Opened},
		{v.Word("digest.answers"), v.answers(d.Answers)},
		{v.Word("digest.silences"), v.silences(d.Silences)},
		{v.Word("digest.flaky"), d.Flaky},
		{v.Word("digest.unsorted"), d.Unsorted},
		{v.Word("digest.listed"), v.listed(d.Listed)},
		{v.Word("digest.gaps"), v.gaps(d.Gaps)},
		{v.Word("digest.issues"), append(slices.Clone(d.Issues), v.faults(d.Faults)...)},
		{v.Word("digest.chain"), append(v.health(d.Health), v.chain(d.Chain)...)},
	} {
		if len(l.Lines) > 0 {
			g.Lists = append(g.Lists, digestList{l.Name, cleanLines(l.Lines)})
		}
	}
	return g
}

// digestTable has the columns that a morning needs.
func (v *view) digestTable() *table {
	t := &table{Head: v.head("incident", "machine", "problem", "deadline", "assignee")}
	for _, i := range v.Items {
		who := i.f.Assignee
		if who == "" && !i.Workstation() {
			who = i.Word("nobody_yet")
		}
		t.Rows = append(t.Rows, []cell{
			{Text: i.ID(), URL: i.links.url("incident")},
			{Text: joinNonEmpty(" – ", i.Whose(), i.Thing())},
			{Text: joinNonEmpty(" – ", i.doubled(), i.Fact())},
			{Text: joinNonEmpty(", ", i.DueShort(i.f.Deadline), i.lateNote())},
			{Text: who},
		})
	}
	return t.compact()
}

func (v *view) digestSummary(sections map[string][]*item) string {
	var due, calls, clients string
	if n := len(sections["due"]); n > 0 {
		due = v.Say("digest.part_due", "n", strconv.Itoa(n))
	}
	if n := len(sections["calls"]); n > 0 {
		calls = v.Plural("calls", n)
	}
	customers := map[string]bool{}
	for _, i := range sections["clients"] {
		customers[i.f.Customer] = true
	}
	if n := len(customers); n > 0 {
		clients = v.Say("digest.part_mails", "customers", v.Plural("customers", n))
	}
	if s := joinNonEmpty(", ", due, calls, clients); s != "" {
		return s
	}
	return v.Word("digest.part_none")
}

func (v *view) chain(lines []DigestLine) []DigestLine {
	out := make([]DigestLine, len(lines))
	for n, l := range lines {
		verdict := v.Word("digest.chain_ok")
		if l.Bad {
			verdict = v.Word("digest.chain_ko")
		}
		out[n] = DigestLine{What: l.What, Detail: joinNonEmpty(", ", verdict, l.Detail), Bad: l.Bad}
	}
	return out
}

func cleanLines(lines []DigestLine) []DigestLine {
	out := make([]DigestLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, DigestLine{clip.Runes(cleanOneLine(l.What), maxField), clip.Runes(cleanOneLine(l.Detail), maxError), l.Bad})
	}
	return out
}

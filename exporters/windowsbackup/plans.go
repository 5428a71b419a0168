package windowsbackup

import (
	"cmp"
	"encoding/xml"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// content is what a run was to save, as far as its events tell.
type content struct {
	told    bool // whether the system state is part of it
	state   bool // it is
	bmr     bool // so is all that a bare machine needs
	volumes []string
}

var present = regexp.MustCompile(`(?i)^(?:true|1|0x1)$|\bIsPresent\s*=\s*["']?(?:1|true)`)

// read adds what one more event tells. What was asked for is believed before what came of
// it: a backup of all holds the system state, too.
func (c *content) read(e *winevent.Event) {
	for _, name := range []string{"UserInputSSB", "SystemStateBackup"} {
		if v := strings.TrimSpace(e.Value(name)); v != "" {
			c.told, c.state = true, present.MatchString(v)
			break
		}
	}
	for _, name := range []string{"UserInputBMR", "BMR"} {
		if v := strings.TrimSpace(e.Value(name)); v != "" {
			c.bmr = present.MatchString(v)
			break
		}
	}
	var info struct {
		Items []struct {
			Name       string `xml:"Name,attr"`
			BlockLevel string `xml:"BlockLevel,attr"`
			HasFiles   string `xml:"HasFiles,attr"`
			HasState   string `xml:"HasSystemState,attr"`
		} `xml:"VolumeInfoItem"`
	}
	if xml.Unmarshal([]byte(e.Value("VolumesInfo")), &info) != nil || len(info.Items) == 0 {
		return
	}
	c.volumes = nil
	for _, v := range info.Items {
		if onlyState := v.HasState == "1" && v.BlockLevel != "1" && v.HasFiles != "1"; onlyState {
			c.told, c.state = true, true
		} else if name := strings.ToLower(v.Name); !slices.Contains(c.volumes, name) {
			c.volumes = append(c.volumes, name)
		}
	}
	slices.Sort(c.volumes)
}

func (c *content) stateOnly() bool { return c.state && !c.bmr && len(c.volumes) == 0 }

// covers tells whether all is saved that another run was to save.
func (c *content) covers(other *content) bool {
	for _, v := range other.volumes {
		if !slices.Contains(c.volumes, v) {
			return false
		}
	}
	return c.stateOnly() == other.stateOnly() && (c.bmr || !other.bmr) && (c.state || c.bmr || !other.state)
}

// plan is one of the backups that a machine makes by turns: that of its policy, one of
// its system state, those of scripts. The success of one says nothing of another.
type plan struct {
	what     string // the system state, or the volumes that a script names
	template string // of the policy; that scripts have another one at each run is assumed
	runs     []*episode
}

const systemState = "system state"

func (p *plan) begin() time.Time { return p.runs[0].last }
func (p *plan) last() *episode   { return p.runs[len(p.runs)-1] }

// saved is what the latest run tells that names volumes, or any.
func (p *plan) saved() *content {
	for _, ep := range slices.Backward(p.runs) {
		if len(ep.saves.volumes) > 0 {
			return &ep.saves
		}
	}
	return &p.last().saves
}

// recurs tells whether it ran on more than one day, which what a person starts to try
// something mostly does not.
func (p *plan) recurs() bool { return p.last().last.Sub(p.begin()) > 12*time.Hour }

// follows tells whether it took over from a plan that ran no more since: the policy was
// changed, or a script. A single run by hand takes over from nothing.
func (p *plan) follows(before *plan) bool {
	switch {
	case !p.begin().After(before.last().last):
		return false
	case p.template != "" && before.template != "":
		return true // Windows has one policy at a time
	case p.what == systemState || before.what == systemState:
		return p.what == before.what
	}
	return p.recurs() && (len(p.runs) > 2 || p.saved().covers(before.saved()))
}

// often tells whether it runs as often as a machine is expected to be saved.
func (p *plan) often(expected time.Duration) bool {
	var turn exporters.Turn
	for _, ep := range p.runs {
		turn.Times = append(turn.Times, ep.end)
	}
	return turn.Often(expected)
}

// clockSlack is how far from the hour of the others a run begins that a clock starts: the
// clock change, and a start that waits for another backup.
const (
	day        = 24 * time.Hour
	clockSlack = 90 * time.Minute
)

// rhythm is the longest of the last pauses, in whole days, of what a clock starts, as a
// task does, at one hour of the day; 0 for what a person starts, or what ran twice.
func (p *plan) rhythm() time.Duration {
	var best []time.Time
	for _, at := range p.runs {
		var same []time.Time
		for _, ep := range p.runs {
			if d := ep.began().Sub(at.began()); (d - d.Round(day)).Abs() <= clockSlack {
				same = append(same, ep.began())
			}
		}
		if len(same) > len(best) {
			best = same
		}
	}
	if len(best) < 3 || 3*len(best) < 2*len(p.runs) {
		return 0
	}
	same := exporters.Turn{Times: best}
	return same.Rhythm(0, 0).Round(day)
}

// name tells the plan from the machine's first one.
func (p *plan) name() string {
	id := strings.Trim(p.template, "{}")
	return strings.Trim(p.what+" "+id[:min(8, len(id))], " ")
}

// plans parts the finished runs of a machine; the first plan is the one that stands for
// the machine: what recurs, as the policy does, as often as is expected, and saves most.
func plans(all []*episode, expected time.Duration) []*plan {
	times, named := map[string]int{}, map[string]bool{}
	for _, ep := range all {
		if ep.template != "" {
			times[ep.template]++
			named[ep.template] = named[ep.template] || len(ep.saves.volumes) > 0
		}
	}
	type key struct{ what, template string }
	byKey := map[key]*plan{}
	var unknown []*episode
	for _, ep := range all {
		if ep.end.IsZero() {
			continue
		}
		var k key
		if times[ep.template] > 1 {
			k.template = ep.template
		}
		switch {
		case ep.saves.stateOnly() && !(k.template != "" && named[k.template] && ep.outcome > partly): // it failed before it came to the volumes
			k.what = systemState
		case k.template == "":
			k.what = strings.Join(ep.saves.volumes, " ")
		}
		if k == (key{}) && !ep.saves.told {
			unknown = append(unknown, ep)
			continue
		}
		if byKey[k] == nil {
			byKey[k] = &plan{what: k.what, template: k.template}
		}
		byKey[k].runs = append(byKey[k].runs, ep)
	}
	if p := byKey[key{}]; p != nil && slices.ContainsFunc(slices.Collect(maps.Keys(byKey)), func(k key) bool { return k != key{} && k.what != systemState }) {
		unknown = append(unknown, p.runs...) // which of the scripts it was is not told
		delete(byKey, key{})
	}
	out := joinFollowers(slices.Collect(maps.Values(byKey)))
	if len(out) == 0 {
		return share([]*plan{{}}, unknown)
	}
	slices.SortFunc(out, func(a, b *plan) int {
		first := func(yes bool) int {
			if yes {
				return 0
			}
			return 1
		}
		return cmp.Or(first(a.recurs())-first(b.recurs()), first(a.template != "")-first(b.template != ""), first(a.often(expected))-first(b.often(expected)),
			first(a.what != systemState)-first(b.what != systemState),
			strings.Count(b.what, " ")-strings.Count(a.what, " "), strings.Compare(a.what+a.template, b.what+b.template))
	})
	return share(out, unknown)
}

func joinFollowers(list []*plan) []*plan {
	slices.SortFunc(list, func(a, b *plan) int {
		return cmp.Or(a.begin().Compare(b.begin()), strings.Compare(a.what+a.template, b.what+b.template))
	})
	for i := 0; i < len(list); i++ {
		for j := i + 1; j < len(list); j++ {
			if p := list[j]; p.follows(list[i]) {
				p.runs = slices.Concat(list[i].runs, p.runs)
				list = slices.Delete(list, i, i+1)
				i = -1
				break
			}
		}
	}
	return list
}

// share gives to the machine's first plan what was started once: a failure, and a repair
// that saved all that the plan does. A failure of nobody knows what is one of each plan,
// and a success of nobody knows what is one of none where there are several.
func share(list []*plan, unknown []*episode) []*plan {
	first := list[0]
	out := list[:1:1]
	for _, p := range list[1:] {
		if !p.recurs() {
			p.runs = slices.DeleteFunc(p.runs, func(ep *episode) bool {
				mine := ep.outcome > partly || ep.saves.covers(first.saved())
				if mine {
					first.runs = append(first.runs, ep)
				}
				return mine
			})
		}
		if len(p.runs) > 0 {
			out = append(out, p)
		}
	}
	for _, ep := range unknown {
		for _, p := range out {
			if len(out) == 1 || ep.outcome > partly {
				p.runs = append(p.runs, ep)
			}
		}
	}
	for _, p := range out {
		slices.SortFunc(p.runs, func(a, b *episode) int { return a.end.Compare(b.end) })
	}
	return out
}

package rules

import "slices"

// envelope is one mail of a step: who gets it, and about which platform.
type envelope struct {
	to, cc   []Party
	platform string
}

// envelopes divides the recipients of a step where one mail would tell somebody
// what is not his: of several platforms a customer's people read of their own
// alone, and what an unknown caller wrote stays with us.
func (d rungs) envelopes(to, cc []Party, platform string) []envelope {
	whole := []envelope{{to, cc, platform}}
	names := d.inc.Platforms()
	several := len(names) > 1
	abroad := slices.DeleteFunc(slices.Concat(to, cc), func(p Party) bool { return !p.Outside })
	if platform != "" || len(names) == 0 || len(abroad) == 0 || !several && !slices.ContainsFunc(d.inc.Reports, unverified) {
		return whole
	}
	ours := envelope{to: slices.DeleteFunc(slices.Clone(to), outside), cc: slices.DeleteFunc(slices.Clone(cc), outside)}
	if len(ours.to) == 0 {
		ours.to, ours.cc = ours.cc, nil
	}
	if len(ours.to) == 0 && !several {
		return whole
	}
	var out []envelope
	if len(ours.to) > 0 {
		out = append(out, ours)
	}
	for i, name := range names {
		var own []Party
		for _, p := range abroad {
			if mine := d.platformsOf(p.Person, names); slices.Contains(mine, name) || i == 0 && len(mine) == 0 {
				own = append(own, p)
			}
		}
		if len(own) > 0 {
			out = append(out, envelope{to: own, platform: name})
		}
	}
	return out
}

// platformsOf are those of the platforms that somebody answers for or reported.
func (d rungs) platformsOf(id string, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		reported := slices.ContainsFunc(d.reportsOf(name), func(r Signal) bool { return r.By == id })
		return !reported && !d.book.Directory.Answers(id, "", "", name)
	})
}

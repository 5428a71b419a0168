package reports

import (
	"strings"

	"vigie/internal/fleet"
	"vigie/receiver/message/locale"
	"vigie/rules/copies"
)

// Copies says how many copies there are, and what is known of them: "3 copies
// expected, 2 good now, on 2 media, 1 off-site, none immutable".
func Copies(l locale.Locale, c copies.Copies) string {
	if c.Expected.Copies == 0 {
		return ""
	}
	parts := []string{l.Plural(locale.Site+"copies.expected", c.Expected.Copies)}
	switch g := c.Good; {
	case c.Unknown == c.Expected.Copies:
		parts = append(parts, l.Word(locale.Site+"copies.unproven"))
	case g.Copies == 0:
		parts = append(parts, l.Word(locale.Site+"copies.good.none"))
	case g.MediumUntold == g.Copies && g.OffsiteUntold == g.Copies && g.ImmutableUntold == g.Copies:
		parts = append(parts, l.Plural(locale.Site+"copies.good", g.Copies), l.Word(locale.Site+"copies.untold"))
	default:
		parts = append(parts, l.Plural(locale.Site+"copies.good", g.Copies), said(l, "media", g.Media, g.MediumUntold),
			said(l, "offsite", g.Offsite, g.OffsiteUntold), said(l, "immutable", g.Immutable, g.ImmutableUntold))
	}
	if c.Unknown > 0 && c.Unknown < c.Expected.Copies {
		parts = append(parts, l.Plural(locale.Site+"copies.unknown", c.Unknown))
	}
	return strings.Join(parts, ", ")
}

// said says how many copies have a property; where none is said to, whether that is
// because nobody says it.
func said(l locale.Locale, property string, n, untold int) string {
	switch {
	case n > 0:
		return l.Plural(locale.Site+"copies."+property, n)
	case untold > 0:
		return l.Word("site.copies." + property + ".untold")
	}
	return l.Word("site.copies." + property + ".none")
}

// Where says where a copy lies, as far as the inventory does.
func Where(l locale.Locale, p fleet.Place) string {
	var parts []string
	if p.Location != "" {
		parts = append(parts, p.Location)
	}
	for _, x := range [][2]string{{"medium", string(p.Medium)}, {"offsite", string(p.Offsite)}, {"immutable", string(p.Immutable)}} {
		if x[1] != "" {
			parts = append(parts, l.Word("site.copies."+x[0]+"."+x[1]))
		}
	}
	return strings.Join(parts, ", ")
}

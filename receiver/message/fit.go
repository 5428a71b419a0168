package message

import (
	"slices"
	"unicode/utf8"

	"vigie/internal/clip"
)

// fitted composes a text that has room in a subject before its ending: names that are
// too long are shortened, rather than whatever stands last lost.
func (v *view) fitted(compose func() (string, error)) (text string, err error) {
	for _, most := range []int{maxSubject, 40, 32, 24, 18, 14} {
		restore := v.shorten(most)
		text, err = compose()
		restore()
		if err != nil || utf8.RuneCountInString(text+v.ending()) <= maxSubject {
			break
		}
	}
	return text, err
}

// shorten shows names at most so long until restore is called.
func (v *view) shorten(most int) (restore func()) {
	v.counted = v.things()
	was := []func(){func() { v.counted = 0 }}
	for _, i := range v.Items {
		whole, f := *i.f, i.f
		was = append(was, func() { *f = whole })
		f.CustomerName, f.Customer = clip.Runes(f.CustomerName, most), clip.Runes(f.Customer, most)
		for _, name := range []*string{&f.Machine, &f.Platform, &f.Item, &f.Exporter} {
			*name = clip.Middle(*name, most)
		}
		f.Platforms = slices.Clone(f.Platforms)
		for n, p := range f.Platforms {
			f.Platforms[n] = clip.Middle(p, most)
		}
	}
	return func() {
		for _, undo := range was {
			undo()
		}
	}
}

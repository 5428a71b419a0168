package exposition

import (
	"hash/maphash"
	"slices"

	"vigie/exporters"
)

// page is what one source, or the inventory, contributes: rendered and
// compressed. It is immutable.
type page struct {
	seed   maphash.Seed
	view   *exporters.View // nil for the inventory's
	status []segment       // by index in families(); empty for the others
	cells  []cell
	places map[cellKey]int // of the cells
	where  *placing
}

// cell is the text of some things of one source: of one customer where a
// source has few, of a part of a bucket's where it has many. What a cell is
// made of is kept, so that only cells in which something changed are rendered.
type cell struct {
	cellKey
	subset
	segments []segment // by index in families(); empty for status families
}

// Render gives what the exposition writes of a view, for View.Rendered. What
// did not change is taken from the view before, which may be nil.
func Render(v, before *exporters.View) any {
	var old *page
	if before != nil {
		old, _ = before.Rendered.(*page)
	}
	return renderView(v, old)
}

func renderView(v *exporters.View, old *page) *page {
	p := newPage(old)
	p.view = v
	agents := make([]*exporters.Agent, len(v.Agents))
	for i := range v.Agents {
		agents[i] = &v.Agents[i]
	}
	p.render(&subset{View: v, Jobs: v.Jobs, Vanished: v.Vanished, Agents: agents, Repositories: v.Repositories,
		Quotas: v.Quotas, Licenses: v.Licenses}, old, false)
	return p
}

// RenderAssessment is Render for what the inventory has to say.
func RenderAssessment(a, before *exporters.Assessment) any {
	var old *page
	if before != nil {
		old, _ = before.Rendered.(*page)
	}
	return renderAssessment(a, old)
}

func renderAssessment(a *exporters.Assessment, old *page) *page {
	p := newPage(old)
	p.render(&subset{View: &exporters.View{}, expected: a.Expected, unmatched: a.Unmatched, sources: a.Sources}, old, true)
	return p
}

func newPage(old *page) *page {
	if old != nil {
		return &page{seed: old.seed}
	}
	return &page{seed: maphash.MakeSeed()}
}

func (p *page) render(whole *subset, old *page, inventory bool) {
	c := newCompressor(p.seed)
	families := families()
	p.renderStatus(c, families, whole, old, inventory)
	if p.view != nil && old != nil && p.renderFew(c, families, whole, old) {
		return
	}
	p.places = map[cellKey]int{}
	var cells []cell
	cells, p.where = whole.cells()
	p.cells = cells[:0]
	for _, next := range cells {
		var before *cell
		if old != nil {
			if at, ok := old.places[next.cellKey]; ok {
				before = &old.cells[at]
			}
		}
		p.places[next.cellKey] = len(p.cells)
		if before != nil && before.same(&next.subset) {
			next.segments = before.segments // the lists are the new ones: the old need not stay
			p.cells = append(p.cells, next)
			continue
		}
		next.render(c, families, whole.View, before, inventory)
		p.cells = append(p.cells, next)
	}
}

// renderFew renders the cells of the jobs that changed, where nothing else did;
// false if something else did.
func (p *page) renderFew(c *compressor, families []family, whole *subset, old *page) bool {
	if old.view == nil || old.where == nil || !sameRest(p.view, old.view) || len(p.view.Jobs) != len(old.view.Jobs) {
		return false
	}
	changed := map[int][]*exporters.Job{}
	for i, j := range p.view.Jobs {
		was := old.view.Jobs[i]
		if j == was {
			continue
		}
		if j.Customer != was.Customer || j.ID != was.ID {
			return false
		}
		at := old.places[old.where.keys[old.where.of(j.Customer, j.ID)]]
		changed[at] = append(changed[at], j)
	}
	p.cells, p.places, p.where = slices.Clone(old.cells), old.places, old.where
	for at, jobs := range changed {
		next := p.cells[at]
		next.Jobs = slices.Clone(next.Jobs)
		for _, j := range jobs {
			n := slices.IndexFunc(next.Jobs, func(o *exporters.Job) bool { return o.Customer == j.Customer && o.ID == j.ID })
			next.Jobs[n] = j
		}
		next.render(c, families, whole.View, &old.cells[at], false)
		p.cells[at] = next
	}
	return true
}

// sameRest tells whether two views list the very same things beside jobs.
func sameRest(a, b *exporters.View) bool {
	return sameList(a.Vanished, b.Vanished) && sameList(a.Agents, b.Agents) && sameList(a.Repositories, b.Repositories) && sameList(a.Quotas, b.Quotas) && sameList(a.Licenses, b.Licenses)
}

func sameList[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// render gives a cell its text, what did not change from the one before.
func (next *cell) render(c *compressor, families []family, view *exporters.View, before *cell, inventory bool) {
	next.segments = make([]segment, len(families))
	next.subset.View = view
	for i := range families {
		f := &families[i]
		if f.status || f.inventory != inventory {
			continue
		}
		var was *segment
		if before != nil {
			was = &before.segments[i]
		}
		next.segments[i] = c.segment(&next.subset, f, was)
	}
	next.subset.View = nil // the cell outlives it
}

func (p *page) renderStatus(c *compressor, families []family, whole *subset, old *page, inventory bool) {
	p.status = make([]segment, len(families))
	for i := range families {
		if f := &families[i]; f.status && f.inventory == inventory {
			var before *segment
			if old != nil {
				before = &old.status[i]
			}
			p.status[i] = c.segment(whole, f, before)
		}
	}
}

// subset is some of what a source lists. The lists hold what the view's do, for
// one cell or for all; the view tells the source's name and state.
type subset struct {
	*exporters.View
	Jobs         []*exporters.Job
	Vanished     []exporters.Vanished
	Agents       []*exporters.Agent
	Repositories []exporters.Repository
	Quotas       []exporters.Quota
	Licenses     []exporters.License
	expected     []exporters.ExpectedMachine
	unmatched    []exporters.UnmatchedSource
	sources      []exporters.ExpectedSource
}

// same tells whether two cells hold the same. Jobs are compared as what they
// are, not by what they say: one that changed is another one.
func (v *subset) same(o *subset) bool {
	return slices.Equal(v.Jobs, o.Jobs) && slices.Equal(v.Vanished, o.Vanished) && slices.EqualFunc(v.Agents, o.Agents, func(a, b *exporters.Agent) bool { return *a == *b }) &&
		slices.Equal(v.Repositories, o.Repositories) && slices.Equal(v.Quotas, o.Quotas) && slices.Equal(v.Licenses, o.Licenses) &&
		slices.EqualFunc(v.expected, o.expected, func(a, b exporters.ExpectedMachine) bool {
			return a.InventoryMachine == b.InventoryMachine && a.Jobs == b.Jobs && slices.Equal(a.Listed, b.Listed)
		})
}

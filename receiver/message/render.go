package message

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"vigie/internal/clip"
	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// Bounds of one rendering. They hold against a template of an admin that never
// ends, and leave room for a table of a thousand rows.
const (
	maxRenderTime  = 5 * time.Second
	maxRenderBytes = 4 << 20
	maxRows        = 2000
	maxSubject     = 100
)

// Options are what a Renderer needs to know of the organisation.
type Options struct {
	// Overrides is an optional folder of an admin's own templates. A file
	// there takes the place of the built-in one of the same name:
	// fr/server-failed.tmpl (both forms of a mail), fr/server-failed.txt.tmpl or
	// fr/server-failed.html.tmpl (one form), fr/_shared.tmpl, parts.txt.tmpl,
	// parts.html.tmpl; so do single words of fr/words.yml and fr/pages.yml. A new
	// name makes a new template; it must be there in every language. A folder
	// with a language.yml makes a new language.
	Overrides fs.FS
	// Folders holds the languages; nil stands for those that are built in.
	Folders fs.FS
	// Links makes the addresses behind the buttons.
	Links Links
	// Outside tells whether a recipient is one of the customer's people, who
	// read plain words and get no links but one to answer. Without it, the party
	// itself says so.
	Outside func(incident.Party) bool
	// Organisation and Phone sign the mails that customers read.
	Organisation string
	Phone        string
	// NoReplies is for mails whose replies nobody reads: none asks for one.
	NoReplies bool
}

// Rendered is a mail's words: a subject of at most 100 characters on one line,
// and the body in both forms.
type Rendered struct {
	Subject string
	Text    string
	HTML    string
	// Language is what it is written in: English when the wanted one has no such
	// mail.
	Language string
}

// Renderer turns notifications into mails. It is immutable and safe for
// concurrent use.
type Renderer struct {
	languages    *locale.Catalog
	names        []string
	aliases      map[string]string
	mails        map[string]map[string]*mailTemplate // by language, by name and alias
	links        Links
	isOutside    func(incident.Party) bool
	organisation string
	phone        string
	replies      bool
}

// mailTemplate is one mail in one language.
type mailTemplate struct {
	name string
	text *template.Template
	html func() (*htmltemplate.Template, error)
}

// NewRenderer reads and parses every template. When there are overrides, it also
// renders each with nothing and with everything known, so that a faulty one
// shows now. Errors name file and line.
func NewRenderer(o Options) (*Renderer, error) {
	r := &Renderer{
		mails:        map[string]map[string]*mailTemplate{},
		links:        o.Links,
		isOutside:    o.Outside,
		organisation: clip.Runes(cleanOneLine(o.Organisation), maxField),
		phone:        clip.Runes(cleanOneLine(o.Phone), maxField),
		replies:      !o.NoReplies,
	}
	if r.isOutside == nil {
		r.isOutside = func(p incident.Party) bool { return p.Outside }
	}
	loader, err := newLoader(o)
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	r.aliases = loader.aliases
	if r.languages, err = loader.catalog(); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	if r.names, err = loader.names(r.languages); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	for _, lang := range r.languages.Codes() {
		parts, err := loader.partials(lang)
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		if r.mails[lang], err = parts.mails(r.names); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	if o.Overrides == nil {
		return r, nil // the built-in ones were tried by the tests
	}
	for _, id := range r.Known() {
		for _, lang := range r.languages.Codes() {
			if err := r.try(id, lang); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// Languages returns the languages that mails are written in.
func (r *Renderer) Languages() *locale.Catalog { return r.languages }

// Templates returns the names of all templates, sorted.
func (r *Renderer) Templates() []string { return slices.Clone(r.names) }

// TemplateName is the name that an alias stands for, or the name itself.
func (r *Renderer) TemplateName(id string) string {
	if name, ok := r.aliases[id]; ok {
		return name
	}
	return id
}

// Known returns the names of all templates and their aliases, sorted. A policy
// may name no other.
func (r *Renderer) Known() []string {
	return slices.Sorted(maps.Keys(r.mails[locale.Fallback]))
}

// Subject returns the subject alone of what Render would return.
func (r *Renderer) Subject(ns []incident.Notification) (string, error) {
	m, v, err := r.prepare(ns)
	if err != nil {
		return "", err
	}
	b := newBudget()
	defer b.stop()
	return r.subject(m, v, b)
}

// Render returns the mail for one notification, or for several of one bundle:
// same template, language and recipients, each a row of one table. It fails
// when they are not, when the template is not known, or when a template of an
// admin fails, runs too long or writes too much.
func (r *Renderer) Render(ns []incident.Notification) (Rendered, error) {
	m, v, err := r.prepare(ns)
	if err != nil {
		return Rendered{}, err
	}
	return r.render(m, v)
}

func (r *Renderer) render(m *mailTemplate, v *view) (Rendered, error) {
	b := newBudget()
	defer b.stop()
	subject, err := r.subject(m, v, b)
	if err != nil {
		return Rendered{}, err
	}
	v.Title = subject
	tone, err := b.block(m.text, "tone", v)
	if err != nil {
		return Rendered{}, err
	}
	v.Colour = colourOf(tone)
	text, err := b.run(func(w *bounded) error { return m.text.ExecuteTemplate(w, "layout", v) })
	if err != nil {
		return Rendered{}, err
	}
	form, err := m.html()
	if err != nil {
		return Rendered{}, err
	}
	html, err := b.run(func(w *bounded) error { return form.ExecuteTemplate(w, "layout", v) })
	if err != nil {
		return Rendered{}, err
	}
	return Rendered{Subject: subject, Text: layText(text, v.Word("colon"), v.Word("semicolon")), HTML: v.tidyHTML(html), Language: v.Code}, nil
}

// prepare finds the template and checks that a bundle is one.
func (r *Renderer) prepare(ns []incident.Notification) (*mailTemplate, *view, error) {
	if len(ns) == 0 {
		return nil, nil, errors.New("render: no notification given")
	}
	if len(ns) > maxRows {
		return nil, nil, fmt.Errorf("render: %d notifications in one message, the most is %d", len(ns), maxRows)
	}
	first := ns[0]
	lang := r.languageOf(first)
	m, ok := r.mails[lang.Code][first.Template]
	if !ok { // a language that is not whole yet
		lang = r.languages.Find(locale.Fallback)
		m, ok = r.mails[lang.Code][first.Template]
	}
	if !ok {
		return nil, nil, fmt.Errorf("render: no template %q; known are %s", first.Template, strings.Join(r.Known(), ", "))
	}
	for _, n := range ns[1:] {
		if n.Template != first.Template || r.languageOf(n) != r.languageOf(first) {
			return nil, nil, fmt.Errorf("render: a bundle needs one template and language, found %s/%s beside %s/%s",
				n.Template, r.languageOf(n).Code, first.Template, r.languageOf(first).Code)
		}
	}
	v := r.newView(ns, lang)
	if v.Outside() {
		for _, n := range ns[1:] {
			if n.Data.Customer != first.Data.Customer {
				return nil, nil, fmt.Errorf("render: template %s would show customer %q what concerns customer %q",
					first.Template, first.Data.Customer, n.Data.Customer)
			}
		}
	}
	if m.name == overview {
		v.Digest = v.digest(nil)
	}
	return m, v, nil
}

// languageOf is the notification's language, or that of its first recipient.
func (r *Renderer) languageOf(n incident.Notification) *locale.Language {
	if n.Language == "" && len(n.To) > 0 {
		return r.languages.Find(n.To[0].Language)
	}
	return r.languages.Find(n.Language)
}

// subject is the template's own subject after the number, or else
// `[#id] [TAG] customer – thing – fact (#id)` of its blocks tag, thing and fact.
func (r *Renderer) subject(m *mailTemplate, v *view, b *budget) (string, error) {
	var err error
	if v.Tag, err = b.block(m.text, "tag", v); err != nil {
		return "", err
	}
	own := "subject"
	if v.outside && m.text.Lookup("subject_outside") != nil {
		own = "subject_outside"
	}
	if m.text.Lookup(own) != nil {
		s, err := v.fitted(func() (string, error) {
			s, err := b.block(m.text, own, v)
			return joinNonEmpty(" ", v.Mark(), oneNumber(s)), err
		})
		return v.apart(s), err
	}
	what, err := b.block(m.text, "fact", v)
	if err != nil {
		return "", err
	}
	thing, err := b.block(m.text, "thing", v)
	if err != nil {
		return "", err
	}
	return v.headline(thing, what), nil
}

// apart ends a subject with the incident's number. Mail programs and servers that
// sort threads by subject pass over what stands in brackets before it, and would
// join two incidents of one machine.
func (v *view) apart(subject string) string {
	end := v.ending()
	return clip.Runes(subject, maxSubject-utf8.RuneCountInString(end)) + end
}

func (v *view) ending() string {
	if v.Mark() == "" {
		return ""
	}
	return " (" + clip.Runes(unbracket(v.ID()), 40) + ")"
}

// oneNumber keeps labels from posing as the number of another incident.
func oneNumber(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "[#", "(#"), "[INC-", "(INC-")
}

// headline composes a subject. What is too long gives way a little at a time, the
// customer's name first and from its end, all else from its middle: number and
// urgency are always there, and of which machine and what about it can be told.
func (v *view) headline(thing, what string) string {
	mark, tag := v.Mark(), ""
	if v.Tag != "" {
		tag = "[" + v.Tag + "]"
	}
	if thing == "" {
		thing = v.Thing()
	}
	customer := v.Whose()
	if v.many {
		tag = joinNonEmpty(" ", tag, "["+v.Machines()+"]")
		thing = v.Names()
		for _, i := range v.Items {
			if i.Customer() != v.Customer() {
				customer = ""
			}
		}
	}
	customer, thing, what = unbracket(customer), unbracket(thing), unbracket(what)
	compose := func() string {
		return joinNonEmpty(" ", mark, tag, joinNonEmpty(" – ", customer, thing, what))
	}
	shrink := func(part *string, least int, clipped func(string, int) string) {
		over := utf8.RuneCountInString(compose()+v.ending()) - maxSubject
		if n := utf8.RuneCountInString(*part); over > 0 && n > least {
			*part = clipped(*part, max(least, n-over))
		}
	}
	shrink(&customer, 20, clip.Runes)
	shrink(&thing, 32, clip.Middle)
	shrink(&customer, 12, clip.Runes)
	shrink(&thing, 20, clip.Middle)
	shrink(&what, 52, clip.Clause)
	shrink(&customer, 6, clip.Runes)
	shrink(&what, 16, clip.Clause)
	return v.apart(compose())
}

// colourOf is the bar's colour for a tone, dark enough for white letters.
func colourOf(tone string) string {
	switch tone {
	case "urgent":
		return "#b3261e"
	case "today":
		return "#b45309"
	case "good":
		return "#1b7f3b"
	case "info":
		return "#1f5fa8"
	}
	return "#4a5a6a"
}

// tidyHTML drops the empty lines and the indentation that templates leave, and
// ties punctuation to its word where the language sets it apart.
func (v *view) tidyHTML(html string) string {
	html = v.TieSpaces(html)
	var b strings.Builder
	b.Grow(len(html))
	for line := range strings.Lines(html) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

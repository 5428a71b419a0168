package message

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"text/template"

	"vigie/internal/strict"
	"vigie/receiver/message/languages"
	"vigie/receiver/message/locale"
)

//go:embed layout
var layoutFiles embed.FS // how a mail looks, in every language

// templateLoader reads templates, an admin's own before the built-in ones.
type templateLoader struct {
	overrides fs.FS
	builtin   []fs.FS
	// aliases are the other names of templates, each with what it stands for.
	aliases map[string]string
}

// newLoader finds the built-in languages, unless others are given, and the layout.
func newLoader(o Options) (*templateLoader, error) {
	layout, err := fs.Sub(layoutFiles, "layout")
	if err != nil {
		return nil, err
	}
	l := &templateLoader{overrides: o.Overrides, builtin: []fs.FS{o.Folders, layout}}
	if o.Folders == nil {
		l.builtin[0] = languages.Folders()
	}
	text, err := fs.ReadFile(layout, "aliases.yml")
	if err != nil {
		return nil, err
	}
	return l, strict.Decode("layout/aliases.yml", text, &l.aliases)
}

// catalog reads the languages, an admin's own words before the built-in ones.
func (l *templateLoader) catalog() (*locale.Catalog, error) {
	all := []fs.FS{l.builtin[0]}
	if l.overrides != nil {
		all = append(all, l.overrides)
	}
	return locale.Load(all...)
}

// names lists every template by its name, with the names that only an admin's
// folder has; aliases are left out. One that is not there in every language
// that claims to be whole is an error.
func (l *templateLoader) names(c *locale.Catalog) ([]string, error) {
	var names []string
	in := map[string]map[string]bool{}
	for _, lang := range c.Codes() {
		for _, fsys := range l.folders() {
			files, err := fs.ReadDir(fsys, lang)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				id, ok := templateID(f)
				if !ok || l.aliases[id] != "" {
					continue
				}
				if in[id] == nil {
					in[id] = map[string]bool{}
					names = append(names, id)
				}
				in[id][lang] = true
			}
		}
	}
	slices.Sort(names)
	for _, id := range names {
		for _, lang := range c.Codes() {
			if !in[id][lang] && !(c.Find(lang).Partial() && in[id][locale.Fallback]) {
				return nil, fmt.Errorf("template %s is missing in language %s: add %s/%s.tmpl", id, lang, lang, id)
			}
		}
	}
	return names, nil
}

// templateID is the name of the template that a file holds.
func templateID(f fs.DirEntry) (string, bool) {
	id, ok := strings.CutSuffix(f.Name(), ".tmpl")
	if !ok || f.IsDir() || strings.HasPrefix(id, "_") || strings.HasPrefix(id, ".") {
		return "", false
	}
	id, _ = strings.CutSuffix(id, ".txt")
	id, _ = strings.CutSuffix(id, ".html")
	return id, true
}

// folders are where templates are looked for, an admin's first.
func (l *templateLoader) folders() []fs.FS {
	if l.overrides == nil {
		return l.builtin
	}
	return append([]fs.FS{l.overrides}, l.builtin...)
}

// read returns the first of the files that exists, overrides first, and its name
// for error messages.
func (l *templateLoader) read(names ...string) (text, name string, err error) {
	for n, fsys := range l.folders() {
		for _, name := range names {
			b, err := fs.ReadFile(fsys, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return "", "", err
			}
			if len(b) > maxRenderBytes {
				return "", "", fmt.Errorf("%s: a template of %d bytes is too large", name, len(b))
			}
			if l.overrides != nil && n == 0 {
				name = path.Join("overrides", name)
			}
			return string(b), name, nil
		}
	}
	return "", "", fmt.Errorf("%s: %w", strings.Join(names, " or "), fs.ErrNotExist)
}

// partials is what all mails of one language share: layout and common blocks.
type partials struct {
	loader *templateLoader
	lang   string
	text   *template.Template
	html   *htmltemplate.Template
}

func (l *templateLoader) partials(lang string) (*partials, error) {
	p := &partials{loader: l, lang: lang}
	p.text = template.New("parts").Option("missingkey=error").Funcs(template.FuncMap{"mark": textMarks, "lines": lines, "threes": locale.Threes, "left": left})
	p.html = htmltemplate.New("parts").Option("missingkey=error").Funcs(htmltemplate.FuncMap{"lines": lines, "threes": locale.Threes, "left": left})
	for _, names := range [][]string{{"parts"}, {path.Join(lang, "_shared"), path.Join(locale.Fallback, "_shared")}} {
		text, from, err := l.read(forms(names, ".txt.tmpl")...)
		if err != nil {
			return nil, err
		}
		if _, err := p.text.New(from).Parse(text); err != nil {
			return nil, err
		}
		if text, from, err = l.read(forms(names, ".html.tmpl")...); err != nil {
			return nil, err
		}
		if _, err := p.html.New(from).Parse(text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// forms are the files that may hold one form of a template, or both.
func forms(names []string, form string) []string {
	var out []string
	for _, n := range names {
		out = append(out, n+form, n+".tmpl")
	}
	return out
}

// mails parses all mails of the language, each under its name and its aliases. An
// admin's file for an alias is for that alias, and for the name when there is no
// other; what the language lacks is left out.
func (p *partials) mails(names []string) (map[string]*mailTemplate, error) {
	out := map[string]*mailTemplate{}
	byName := map[string][]string{}
	for alias, name := range p.loader.aliases {
		byName[name] = append(byName[name], alias)
	}
	for _, name := range names {
		aliases := byName[name]
		slices.Sort(aliases)
		m, err := p.mail(name, append([]string{name}, aliases...)...)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[name] = m
		for _, alias := range aliases {
			out[alias] = m
			if len(aliases) > 1 || p.overridden(alias) {
				if out[alias], err = p.mail(name, alias, name); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// overridden tells whether an admin has written a file for a template.
func (p *partials) overridden(id string) bool {
	if p.loader.overrides == nil {
		return false
	}
	for _, ext := range []string{".tmpl", ".txt.tmpl", ".html.tmpl"} {
		if _, err := fs.Stat(p.loader.overrides, path.Join(p.lang, id+ext)); err == nil {
			return true
		}
	}
	return false
}

// mail parses one mail on top of the shared parts, from the first file of the
// given names. Of its HTML, which has a copy of all parts, only whether it can be
// parsed is known until it is sent: most installations send few of all mails.
func (p *partials) mail(name string, ids ...string) (*mailTemplate, error) {
	text, err := p.text.Clone()
	if err != nil {
		return nil, err
	}
	for n, id := range ids {
		ids[n] = path.Join(p.lang, id)
	}
	src, from, err := p.loader.read(forms(ids, ".txt.tmpl")...)
	if err != nil {
		return nil, err
	}
	if _, err := text.New(from).Parse(src); err != nil {
		return nil, err
	}
	if src, from, err = p.loader.read(forms(ids, ".html.tmpl")...); err != nil {
		return nil, err
	}
	parse := func() (*htmltemplate.Template, error) {
		t, err := p.html.Clone()
		if err == nil {
			_, err = t.New(from).Parse(src)
		}
		return t, err
	}
	html, err := parse()
	if err != nil {
		return nil, err
	}
	for _, need := range []string{"lead", "body", "layout"} {
		if text.Lookup(need) == nil || html.Lookup(need) == nil {
			return nil, fmt.Errorf("%s: define the block %q", from, need)
		}
	}
	return &mailTemplate{name: name, text: text, html: sync.OnceValues(parse)}, nil
}

// left tells whether each of some incidents was given back, be it by one person or
// several: a mail about them begins nobody's duty.
func left(all []*item) bool {
	return !slices.ContainsFunc(all, func(i *item) bool { return i.LeftBy() == "" })
}

// lines splits what a person wrote, for templates that show it line by line.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

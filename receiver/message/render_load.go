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
	"text/template"
)

//go:embed all:templates
var builtinTemplates embed.FS

// templateLoader reads templates, an admin's own before the built-in ones.
type templateLoader struct {
	overrides fs.FS
}

// ids lists every template. One that is not there in every language is an error.
func (l templateLoader) ids(languages []string) ([]string, error) {
	var ids []string
	in := map[string]map[string]bool{}
	for _, lang := range languages {
		for _, fsys := range l.folders() {
			files, err := fs.ReadDir(fsys, lang)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				id, ok := strings.CutSuffix(f.Name(), ".tmpl")
				if !ok || f.IsDir() || strings.HasPrefix(id, "_") || strings.HasPrefix(id, ".") {
					continue
				}
				id, _ = strings.CutSuffix(id, ".txt")
				id, _ = strings.CutSuffix(id, ".html")
				if in[id] == nil {
					in[id] = map[string]bool{}
					ids = append(ids, id)
				}
				in[id][lang] = true
			}
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		for _, lang := range languages {
			if !in[id][lang] {
				return nil, fmt.Errorf("template %s is missing in language %s: add %s/%s.tmpl", id, lang, lang, id)
			}
		}
	}
	return ids, nil
}

func (l templateLoader) folders() []fs.FS {
	builtin, err := fs.Sub(builtinTemplates, "templates")
	if err != nil { // the folder is part of the binary
		panic(err)
	}
	if l.overrides == nil {
		return []fs.FS{builtin}
	}
	return []fs.FS{l.overrides, builtin}
}

// read returns the first of the files that exists, overrides first, and its name
// for error messages.
func (l templateLoader) read(names ...string) (text, name string, err error) {
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
			if n < len(l.folders())-1 {
				name = path.Join("overrides", name)
			}
			return string(b), name, nil
		}
	}
	return "", "", fmt.Errorf("%s: %w", strings.Join(names, " or "), fs.ErrNotExist)
}

// parts is what all mails of one language share: layout and common blocks.
type parts struct {
	loader templateLoader
	lang   string
	text   *template.Template
	html   *htmltemplate.Template
}

func (l templateLoader) parts(lang string) (*parts, error) {
	p := &parts{loader: l, lang: lang}
	p.text = template.New("parts").Option("missingkey=error").Funcs(template.FuncMap{"mark": textMarks, "lines": lines, "threes": threes})
	p.html = htmltemplate.New("parts").Option("missingkey=error").Funcs(htmltemplate.FuncMap{"lines": lines, "threes": threes})
	shared := path.Join(lang, "_shared")
	for _, name := range []string{"parts", shared} {
		text, from, err := l.read(name+".txt.tmpl", name+".tmpl")
		if err != nil {
			return nil, err
		}
		if _, err := p.text.New(from).Parse(text); err != nil {
			return nil, err
		}
		if text, from, err = l.read(name+".html.tmpl", name+".tmpl"); err != nil {
			return nil, err
		}
		if _, err := p.html.New(from).Parse(text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// mail parses one mail on top of the shared parts.
func (p *parts) mail(id string) (*mailTemplate, error) {
	name := path.Join(p.lang, id)
	text, err := p.text.Clone()
	if err != nil {
		return nil, err
	}
	html, err := p.html.Clone()
	if err != nil {
		return nil, err
	}
	src, from, err := p.loader.read(name+".txt.tmpl", name+".tmpl")
	if err != nil {
		return nil, err
	}
	if _, err := text.New(from).Parse(src); err != nil {
		return nil, err
	}
	if src, from, err = p.loader.read(name+".html.tmpl", name+".tmpl"); err != nil {
		return nil, err
	}
	if _, err := html.New(from).Parse(src); err != nil {
		return nil, err
	}
	for _, need := range []string{"lead", "body", "layout"} {
		if text.Lookup(need) == nil || html.Lookup(need) == nil {
			return nil, fmt.Errorf("%s: define the block %q", from, need)
		}
	}
	return &mailTemplate{id: id, text: text, html: html}, nil
}

// threes makes rows of three out of a long list; the last one is filled up.
func threes(all []string) [][]string {
	var rows [][]string
	for row := range slices.Chunk(all, 3) {
		rows = append(rows, append(slices.Clip(row), make([]string, 3-len(row))...))
	}
	return rows
}

// lines splits what a person wrote, for templates that show it line by line.
func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

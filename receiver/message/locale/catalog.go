// Package locale says things in the languages of people: words, plurals, dates
// and numbers, each as the folder of a language has them. It knows no language
// by itself; see package languages.
package locale

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"vigie/internal/strict"
)

// Fallback is the language that says what another lacks.
const Fallback = "en"

// about is the file that makes a folder a language.
const about = "language.yml"

// maxHeader bounds what is read of a browser's Accept-Language.
const maxHeader = 200

// Catalog is every language there is. It is immutable.
type Catalog struct {
	languages map[string]*Language // by lower-case tag
}

// Load reads the languages of all folders. Of a language that several of them
// hold, the later says what it has and the earlier the rest. Errors name file
// and line.
func Load(folders ...fs.FS) (*Catalog, error) {
	c := &Catalog{languages: map[string]*Language{}}
	for _, fsys := range folders {
		entries, err := fs.ReadDir(fsys, ".")
		if err != nil {
			return nil, fmt.Errorf("languages: %w", err)
		}
		for _, e := range entries {
			if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if err := c.add(fsys, e.Name()); err != nil {
				return nil, err
			}
		}
	}
	base := c.languages[Fallback]
	if base == nil {
		return nil, fmt.Errorf("languages: there is no folder %s with a %s, which says what other languages lack", Fallback, about)
	}
	forms := reasonForms(base)
	for _, l := range c.languages {
		l.forms = forms
		if l != base {
			l.fallback = base
			l.complete(base)
		}
		l.tie()
	}
	return c, nil
}

// add reads one folder; one without language.yml only mends a language that is
// known already.
func (c *Catalog) add(fsys fs.FS, tag string) error {
	l := c.languages[strings.ToLower(tag)]
	switch _, err := fs.Stat(fsys, path.Join(tag, about)); {
	case errors.Is(err, fs.ErrNotExist) && l == nil:
		return nil // templates of an admin for a language that nobody has described
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("languages: %w", err)
	case l == nil:
		parsed, err := language.Parse(tag)
		if err != nil {
			return fmt.Errorf("languages: folder %q: %w: name it by a BCP 47 tag such as it or pt-BR", tag, err)
		}
		l = &Language{Code: tag, tag: parsed, words: map[string]string{}, plurals: map[string]forms{}}
		c.languages[strings.ToLower(tag)] = l
	}
	if err := decode(fsys, path.Join(tag, about), &l.rules); err != nil {
		return err
	}
	if err := l.rules.check(path.Join(tag, about)); err != nil {
		return err
	}
	for file, prefix := range map[string]string{"words.yml": "", "pages.yml": Pages, "site.yml": Site, "reasons.yml": Reasons, "refusals.yml": Refusals} {
		var table map[string]entry
		if err := decode(fsys, path.Join(tag, file), &table); err != nil {
			return err
		}
		for key, e := range table {
			if e.forms != nil {
				l.plurals[prefix+key] = e.forms
			} else {
				l.words[prefix+key] = e.text
			}
		}
	}
	return nil
}

// decode reads a file that need not be there.
func decode(fsys fs.FS, name string, dst any) error {
	text, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("languages: %w", err)
	}
	return strict.Decode(name, text, dst)
}

// entry is a word, or the forms of a word that is counted.
type entry struct {
	text  string
	forms forms
}

// forms are a word's forms by plural category.
type forms map[plural.Form]string

// UnmarshalStrict reads one or several forms.
func (e *entry) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	if n.Kind == yaml.ScalarNode {
		e.text = n.Value
		return nil
	}
	return e.forms.UnmarshalStrict(n, d)
}

// UnmarshalStrict reads the forms by the names that CLDR gives them.
func (f *forms) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	var named struct {
		Zero  string `yaml:"zero"`
		One   string `yaml:"one"`
		Two   string `yaml:"two"`
		Few   string `yaml:"few"`
		Many  string `yaml:"many"`
		Other string `yaml:"other"`
	}
	d.Into(n, &named, d.Path())
	*f = forms{plural.Zero: named.Zero, plural.One: named.One, plural.Two: named.Two, plural.Few: named.Few, plural.Many: named.Many, plural.Other: named.Other}
	maps.DeleteFunc(*f, func(_ plural.Form, s string) bool { return s == "" })
	if named.Other == "" {
		return errors.New("the form `other` is missing: every language counts with it")
	}
	return nil
}

// Codes returns the tags of all languages, sorted.
func (c *Catalog) Codes() []string {
	var out []string
	for _, l := range c.languages {
		out = append(out, l.Code)
	}
	slices.Sort(out)
	return out
}

// Has tells whether there is a folder for exactly this tag.
func (c *Catalog) Has(tag string) bool { return c.languages[strings.ToLower(tag)] != nil }

// Find returns the language for a tag: "fr-CA" is fr when nobody wrote a folder
// fr-CA. What no folder has is said in English.
func (c *Catalog) Find(tag string) *Language {
	if l := c.find(tag); l != nil {
		return l
	}
	return c.languages[Fallback]
}

func (c *Catalog) find(tag string) *Language {
	for tag = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"); tag != ""; {
		if l := c.languages[tag]; l != nil {
			return l
		}
		cut := strings.LastIndexByte(tag, '-')
		tag = tag[:max(cut, 0)]
	}
	return nil
}

// Accepting returns the language that a browser likes best of those there are.
func (c *Catalog) Accepting(header string) *Language {
	if len(header) > maxHeader {
		header = header[:maxHeader]
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return c.Find(header)
	}
	for _, tag := range tags {
		if l := c.find(tag.String()); l != nil {
			return l
		}
	}
	return c.languages[Fallback]
}

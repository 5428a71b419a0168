// Package docs holds the documentation, as people read it in the source, for the
// receiver to show.
package docs

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

//go:embed *.md days howto pictures reference sources
var files embed.FS

// Names are all pages, such as install and howto/one-inventory, in order.
func Names() []string {
	var out []string
	_ = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, _ error) error {
		if page, ok := strings.CutSuffix(name, ".md"); ok {
			out = append(out, page)
		}
		return nil
	})
	slices.Sort(out)
	return out
}

// Picture is a picture of the pages, a PNG; false when there is none of that name.
func Picture(name string) ([]byte, bool) {
	data, err := files.ReadFile(path.Join("pictures", path.Base(name)+".png"))
	return data, err == nil
}

// Title is the heading of a page; its name when it has none.
func Title(name string) string {
	source, err := files.ReadFile(name + ".md")
	if err != nil {
		return name
	}
	for line := range strings.Lines(string(source)) {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			return strings.TrimSpace(title)
		}
	}
	return name
}

// HTML is a page; false when there is none. Links to other pages lead to them,
// links to what is not shown here lead nowhere.
func HTML(name string) (template.HTML, bool) {
	source, err := files.ReadFile(name + ".md")
	if err != nil {
		return "", false
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(
		parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(links{name}, 100))))
	var b bytes.Buffer
	if err := md.Convert(source, &b); err != nil {
		return "", false
	}
	return template.HTML(b.String()), true // raw HTML in a page is left out
}

// links leads the links of a page to where they are shown.
type links struct{ page string }

// Transform is called with each page that was read.
func (l links) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var gone []*ast.Link
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if picture, ok := n.(*ast.Image); ok && entering {
			picture.Destination = []byte("/docs/" + path.Join(path.Dir(l.page), string(picture.Destination)))
		}
		if link, ok := n.(*ast.Link); ok && entering {
			to, known := l.target(string(link.Destination))
			if link.Destination = []byte(to); !known {
				gone = append(gone, link)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, link := range gone {
		for c := link.FirstChild(); c != nil; {
			next := c.NextSibling()
			link.Parent().InsertBefore(link.Parent(), link, c)
			c = next
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
}

// target is where a link leads; false when that is not shown.
func (l links) target(to string) (string, bool) {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "#") || strings.HasPrefix(to, "mailto:") {
		return to, true
	}
	file, anchor, _ := strings.Cut(to, "#")
	if anchor != "" {
		anchor = "#" + anchor
	}
	name, isPage := strings.CutSuffix(path.Join(path.Dir(l.page), file), ".md")
	if _, err := files.Open(name + ".md"); !isPage || err != nil {
		return "", false
	}
	return "/docs/" + name + anchor, true
}

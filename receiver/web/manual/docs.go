package manual

import (
	"net/http"
	"strings"

	"vigie/docs"
)

// Docs shows the documentation of this very build, in the frame of its runbooks.
type Docs struct{ *Runbooks }

// List answers with the titles of all pages.
func (p Docs) List(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "/docs/")
	page.Title = page.ListTitle
	for _, name := range docs.Names() {
		page.Names = append(page.Names, pair{docs.Title(name), "/docs/" + name})
	}
	p.write(w, http.StatusOK, page)
}

// Show answers with one page.
func (p Docs) Show(w http.ResponseWriter, r *http.Request, name string) {
	text, ok := docs.HTML(name)
	if !ok {
		http.NotFound(w, r)
		return
	}
	page := p.page(r, name)
	if strings.Contains(name, "/fr/") {
		page.Lang = "fr"
	}
	page.Title, page.Text = docs.Title(name), text
	p.write(w, http.StatusOK, page)
}

// Picture answers with a picture of a page.
func (p Docs) Picture(w http.ResponseWriter, r *http.Request, name string) {
	data, ok := docs.Picture(name)
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(data) // the browser went away
}

// page is one of the documentation, which is English where no folder fr says otherwise.
func (p Docs) page(_ *http.Request, title string) *runbookPage {
	return &runbookPage{Lang: "en", Style: p.Style, Title: title, List: "/docs/", ListTitle: "Documentation"}
}

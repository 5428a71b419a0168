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

// page is one of the documentation, which is English where no folder fr says otherwise.
func (p Docs) page(_ *http.Request, title string) *runbookPage {
	return &runbookPage{Lang: "en", Style: p.Style, Title: title, List: "/docs/", ListTitle: "Documentation"}
}

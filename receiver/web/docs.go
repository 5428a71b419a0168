package web

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"

	"vigie/docs"
)

// docPages show the documentation of this very build. It is the same for everybody
// and tells of no customer.
type docPages struct{ *runbookPages }

func (p docPages) list(w http.ResponseWriter, r *http.Request) {
	page := p.page(r, "/docs/")
	page.Title = page.ListTitle
	for _, name := range docs.Names() {
		page.Names = append(page.Names, pair{docs.Title(name), "/docs/" + name})
	}
	p.write(w, http.StatusOK, page)
}

func (p docPages) show(w http.ResponseWriter, r *http.Request) {
	name := mux.Vars(r)["page"]
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
func (p docPages) page(_ *http.Request, title string) *runbookPage {
	return &runbookPage{Lang: "en", Style: p.style, Title: title, List: "/docs/", ListTitle: "Documentation"}
}

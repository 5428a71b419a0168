package dashboards

// Language is one of those that the boards speak.
type Language string

// English and French are all of them.
const (
	English Language = "en"
	French  Language = "fr"
)

// Languages are those for which boards are made.
func Languages() []Language { return []Language{English, French} }

// say picks a text. Both stand side by side, so that neither is forgotten.
func (l Language) say(en, fr string) string {
	if l == French {
		return fr
	}
	return en
}

// uid is the stable id of a board: links and bookmarks hold on to it.
func (l Language) uid(board string) string {
	if l == English {
		return "backup-" + board
	}
	return "backup-" + board + "-" + string(l)
}

// tag is what the boards of one language share; the menu between them uses it.
func (l Language) tag() string { return "vigie-" + string(l) }

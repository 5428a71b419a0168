package about

import (
	"strings"
	"time"

	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/policy"
)

// Called returns by which names people know what reasons name by ids: people and
// platforms by theirs, a step by the mail that it sends, first of an incident's own
// scenario. Of a step without a mail, or that no policy has any more, its name is all
// there is.
func Called(l *locale.Language, e *receiver.Engine, inc incident.Incident, now time.Time) func(kind, name string) string {
	book := e.Book()
	var scenarios []*policy.Scenario
	if p := book.Policy(inc.Policy); p != nil && p.Scenario(inc.Scenario) != nil {
		scenarios = append(scenarios, p.Scenario(inc.Scenario))
	}
	scenarios = append(scenarios, book.InForce(now).Scenarios...)
	return func(kind, name string) string {
		switch kind {
		case "platform":
			return l.PlatformName(book.Directory.PlatformName(name))
		case "who":
			return book.Directory.PersonName(name)
		}
		for _, sc := range scenarios {
			for _, st := range sc.Steps {
				if st.Name == name && st.Template != "" {
					return Mail(l, e, st.Template)
				}
			}
		}
		return strings.ReplaceAll(name, "_", " ")
	}
}

// Mail says what a mail does, by its template.
func Mail(l *locale.Language, e *receiver.Engine, template string) string {
	name := e.TemplateName(template)
	if name == "" {
		return template
	}
	if text := l.Word("mail." + name); text != "" {
		return text
	}
	return strings.ReplaceAll(name, "-", " ")
}

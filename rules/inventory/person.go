package inventory

import (
	"fmt"
	"maps"
	"net/mail"
	"regexp"
	"slices"
	"sort"
	"strings"

	"vigie/internal/strict"
	"vigie/rules/mailbox"
)

// Person is somebody who can be told something.
type Person struct {
	ID       string
	Name     string
	Email    string
	Phone    string
	Language string // one that there is a folder for; "" for the customer's own
	Shared   bool   // a mailbox that several people read
	// TicketIntake marks a mailbox that a ticket tool reads. Its mails do not call
	// themselves automatic, which such tools throw away.
	TicketIntake bool
	// TicketMark stands in subjects to it in place of the # before a number, which some
	// ticket tools take for that of their own ticket; "" for #.
	TicketMark string
	// Channels are the addresses of other ways than e-mail, by channel.
	Channels map[string]string
}

type personEntry struct {
	At       strict.Position
	Name     string `yaml:"name"`
	Email    string `yaml:"email"`
	Phone    string `yaml:"phone"`
	Language string `yaml:"language"`
	Shared   bool   `yaml:"shared"`

	TicketIntake bool   `yaml:"ticket_intake"`
	TicketMark   string `yaml:"ticket_mark"`
	// Channels are the addresses of other ways than e-mail, by channel.
	Channels map[string]string `yaml:"channels"`
}

// markForm is that of a ticket mark.
var markForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,20}$`)

func (l *loader) people(entries map[string]personEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		where := "people." + id
		if !l.once(e.At, where, "person "+id) {
			continue
		}
		if strings.ContainsAny(id, "@ ") || id == "" || id == nobody {
			l.fault(e.At, where, "not fit for an id: use a short word without spaces and @, such as %q", suggestID(id))
		}
		if e.Name == "" {
			l.fault(e.At, where+".name", "missing: write the name that mails show")
		}
		if what := WrongAddress(e.Email); what != "" {
			l.fault(e.At, where+".email", "%s", what)
		} else if e.Email != "" {
			l.once(e.At, where+".email: "+e.Email, "address "+strings.ToLower(e.Email))
		}
		if strings.Trim(e.Phone, "+0123456789 .-()/") != "" {
			l.fault(e.At, where+".phone", "%q is not a telephone number: write digits, spaces and +", e.Phone)
		}
		if !markForm.MatchString(e.TicketMark) {
			l.fault(e.At, where+".ticket_mark", "%q does not stand before a number in a subject: write at most 20 letters, digits, - and _, such as Vigie-", e.TicketMark)
		}
		l.dir.speaks(e.At, where+".language", e.Language)
		if _, domain, is := strings.Cut(e.Email, "@"); is && !strings.Contains(domain, ".") {
			l.dir.Slips = append(l.dir.Slips, fmt.Sprintf("%s: %s.email: %q has no dot behind the @: no mail server outside your own network takes that; write the whole address, like lea@dupont.example", e.At, where, e.Email))
		}
		l.dir.People[id] = &Person{ID: id, Name: e.Name, Email: e.Email, Phone: e.Phone, Language: e.Language, Shared: e.Shared,
			TicketIntake: e.TicketIntake, TicketMark: e.TicketMark, Channels: l.channels(e, where)}
	}
}

// WrongAddress says what is wrong with a bare e-mail address; a person without
// one is allowed, as some are only telephoned.
func WrongAddress(address string) string {
	if address == "" {
		return ""
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsAny(address, " \t\r\n\"<>") {
		return fmt.Sprintf("%q is not an e-mail address: write it bare, like lea@dupont.example", address)
	}
	if _, err := mailbox.Clean(address); err != nil {
		return fmt.Sprintf("%q cannot be written to: %v; write the mailbox's plain address, like lea@dupont.example", address, err)
	}
	return ""
}

func suggestID(id string) string {
	id, _, _ = strings.Cut(id, "@")
	if id = strings.ReplaceAll(strings.ToLower(id), " ", "."); id == "" || id == nobody {
		return "j.martin"
	}
	return id
}

func (l *loader) optionalPerson(at strict.Position, where, id string) {
	if id != "" {
		l.person(at, where, id)
	}
}

func (l *loader) person(at strict.Position, where, id string) {
	known(l, at, where, "person", id, l.dir.People)
}

// Person finds somebody by id or by address; nil when unknown.
func (d *Directory) Person(idOrAddress string) *Person {
	if p, ok := d.People[idOrAddress]; ok {
		return p
	}
	if strings.Contains(idOrAddress, "@") {
		return d.PersonByAddress(idOrAddress)
	}
	return nil
}

// Left reports whether somebody who has incidents is in the inventory no more. An
// inventory that names nobody says nothing of anybody.
func (d *Directory) Left(id string) bool { return len(d.People) > 0 && d.Person(id) == nil }

// PersonByAddress finds a person by e-mail address, without regard to case.
func (d *Directory) PersonByAddress(address string) *Person {
	ids := make([]string, 0, len(d.People))
	for id := range d.People {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		if strings.EqualFold(d.People[id].Email, address) {
			return d.People[id]
		}
	}
	return nil
}

// Author finds who is meant by the free text with which another program names an
// author, such as createdBy of a silence: an id, an address, "Name <address>" or a
// name, without regard to case. A name that two people have means nobody.
func (d *Directory) Author(text string) *Person {
	text = strings.Join(strings.Fields(text), " ")
	if p := d.Person(text); p != nil || text == "" {
		return p
	}
	if a, err := mail.ParseAddress(text); err == nil {
		return d.PersonByAddress(a.Address)
	}
	var found *Person
	for id, p := range d.People {
		if !strings.EqualFold(id, text) && !strings.EqualFold(strings.Join(strings.Fields(p.Name), " "), text) {
			continue
		}
		if found != nil {
			return nil
		}
		found = p
	}
	return found
}

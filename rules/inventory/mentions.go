package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vigie/internal/strict"
)

// mention is where the inventory names something that is described elsewhere.
type mention struct {
	at         strict.Position
	path, name string
}

// speaks notes a language that somebody is said to speak; "" is none.
func (d *Directory) speaks(at strict.Position, path, language string) {
	if language != "" {
		d.spoken = append(d.spoken, mention{at, path, language})
	}
}

// CheckLanguages finds languages that there is no folder for. The error is of
// type [strict.Faults].
func (d *Directory) CheckLanguages(known []string) error {
	return unknownMentions(d.spoken, known, "a language")
}

// CheckChannels finds channels that the configuration does not name. The error
// is of type [strict.Faults].
func (d *Directory) CheckChannels(known []string) error {
	return unknownMentions(d.reached, known, "a channel")
}

func unknownMentions(all []mention, known []string, what string) error {
	var faults strict.Faults
	for _, m := range all {
		if slices.Contains(known, m.name) {
			continue
		}
		cure := "there is none yet: name it under `channels` in vigie.yml"
		if len(known) > 0 {
			cure = "write one of " + strings.Join(known, ", ")
		}
		if near := strict.Nearest(m.name, known); near != "" {
			cure = fmt.Sprintf("did you mean %q? %s", near, cure)
		}
		faults = append(faults, strict.Fault{Position: m.at, Path: m.path, What: fmt.Sprintf("%q is not known as %s: %s", m.name, what, cure)})
	}
	return faults.Err()
}

// maxChannelAddress bounds an address that a gateway understands.
const maxChannelAddress = 254

// channels checks the addresses of a person on channels other than e-mail.
func (l *loader) channels(e personEntry, where string) map[string]string {
	for _, name := range slices.Sorted(maps.Keys(e.Channels)) {
		path := where + ".channels." + name
		if !ChannelName(name) {
			l.fault(e.At, path, "%q is not a name for a channel: use a short word of letters, digits, - and _ that is not %s", name, MailChannel)
			continue
		}
		address := e.Channels[name]
		switch {
		case strings.TrimSpace(address) == "" || len(address) > maxChannelAddress || strings.ContainsAny(address, "\r\n\x00"):
			l.fault(e.At, path, "%q is not an address: write on one line what the channel's gateway understands, such as +33600000000", address)
		default:
			l.once(e.At, path+": "+address, "address "+name+":"+strings.ToLower(address))
		}
		l.dir.reached = append(l.dir.reached, mention{e.At, path, name})
	}
	return e.Channels
}

// MailChannel is the channel of e-mail addresses; nobody needs to name it.
const MailChannel = "mail"

// ChannelName reports whether a word may name a channel other than mail.
func ChannelName(s string) bool {
	return s != "" && len(s) <= 40 && s != MailChannel && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// Reach returns the address by which a person is told: that of the wanted channel,
// else of e-mail, else of the first other channel by name; "" for nobody. The
// address of a channel other than e-mail is written channel:address, so that one
// text says where a message goes.
func (p *Person) Reach(wanted string) string {
	names := slices.Sorted(maps.Keys(p.Channels))
	if a := p.Channels[wanted]; a != "" {
		names = []string{wanted}
	} else if p.Email != "" {
		return p.Email
	}
	if len(names) == 0 {
		return ""
	}
	return names[0] + ":" + p.Channels[names[0]]
}

// Reachable reports whether a person can be told anything at all.
func (p *Person) Reachable() bool { return p.Email != "" || len(p.Channels) > 0 }

// SplitAddress parts the address of a party into its channel, "" for e-mail, and
// what that channel understands. No e-mail address of an inventory has a colon.
func SplitAddress(address string) (channel, bare string) {
	name, bare, ok := strings.Cut(address, ":")
	if !ok || !ChannelName(name) {
		return "", address
	}
	return name, bare
}

package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"

	"vigie/internal/strict"
	"vigie/receiver/token"
)

// passwords finds that a file of exporter-toolkit asks for them: the key stands at
// its top, with somebody below it.
var passwords = regexp.MustCompile(`(?m)^["']?basic_auth_users["']?:[ \t]*(#.*)?\r?\n(\s*(#.*)?\r?\n)*[ \t]+[^\s#]|^["']?basic_auth_users["']?:[ \t]*\{[ \t]*[^}\s]`)

// OneAuthentication refuses a listener that asks for passwords beside the tokens:
// a request has one header for both, so that nobody could ever enter.
func (c *Config) OneAuthentication() error {
	if c.WebConfig == "" {
		return nil
	}
	text, err := os.ReadFile(c.Path(c.WebConfig))
	if err != nil {
		return nil // told of by whoever listens
	}
	if passwords.Match(text) {
		return fmt.Errorf("web_config_file %s: basic_auth_users asks for a password where Alertmanager and people present tokens, and a request has one Authorization header: take basic_auth_users out, or put a proxy with passwords before another address", c.WebConfig)
	}
	return nil
}

// Strangers tells of tokens whose person is in no inventory: they open nothing. A
// file that cannot be read is told of by whoever needs it.
func (s *Setup) Strangers() (out []string) {
	t, err := token.ReadPersons(s.Config.Path(s.Config.TokensFile))
	if err != nil {
		return nil
	}
	for _, who := range t.Owners() {
		if s.Book.Directory.People[who] == nil {
			out = append(out, fmt.Sprintf("tokens_file: the token of %q opens nothing: nobody of that id is in the inventory; take its line out, or mend the id", who))
		}
	}
	return out
}

// Blank warns of keys of vigie.yml that nothing stands behind.
func (s *Setup) Blank() []string {
	return strict.Blank(strict.File{Name: s.Config.path, Text: s.Config.text}, reflect.TypeFor[Config]())
}

// Unread warns that mails have no address for replies; they ask for none then.
func (s *Setup) Unread() []string {
	if m := s.Config.Mail; m == nil || m.ReplyTo != "" {
		return nil
	}
	return []string{"mail.reply_to is missing: replies go to mail.from, and mails ask for none; name the address of a mailbox that people read"}
}

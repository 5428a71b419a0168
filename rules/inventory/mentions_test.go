package inventory

import (
	"testing"

	"vigie/internal/strict"
)

// Languages and channels that the inventory names must be there; somebody with
// another channel and no e-mail is not nobody.
func TestInventoryNamesLanguagesAndChannels(t *testing.T) {
	d, err := load([]strict.File{{Name: "inventory/a.yml", Text: []byte(
		"people:\n  sup: {name: Sophie, language: de, channels: {chat: '#ops'}}\n  adm: {name: Alain, email: adm@msp.example, channels: {sms: '+33600000000'}}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	want := `inventory/a.yml:2: people.sup.language: "de" is not known as a language: write one of en, fr`
	if err := d.CheckLanguages([]string{"en", "fr"}); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := d.CheckLanguages([]string{"de", "en"}); err != nil {
		t.Error(err)
	}
	want = `inventory/a.yml:3: people.adm.channels.sms: "sms" is not known as a channel: write one of chat`
	if err := d.CheckChannels([]string{"chat"}); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	sup, adm := d.People["sup"], d.People["adm"]
	for _, c := range []struct{ got, want string }{
		{sup.Reach(""), "chat:#ops"}, {sup.Reach("sms"), "chat:#ops"}, {adm.Reach(""), "adm@msp.example"},
		{adm.Reach("sms"), "sms:+33600000000"}, {adm.Reach("chat"), "adm@msp.example"}, {(&Person{}).Reach("chat"), ""},
	} {
		if c.got != c.want {
			t.Errorf("reached at %q, want %q", c.got, c.want)
		}
	}
	if ch, a := SplitAddress("sms:+33600000000"); ch != "sms" || a != "+33600000000" {
		t.Error(ch, a)
	}
	if ch, a := SplitAddress("adm@msp.example"); ch != "" || a != "adm@msp.example" {
		t.Error(ch, a)
	}
}

package notify

import (
	"context"
	"errors"
	"strings"
	"testing"

	"vigie/internal/strict"
)

// Pager is a kind of channel that nothing but this file knows of: that it can be
// configured, made and used shows that a channel is one file.
func (kinds) Pager() settings { return &pagerFile{} }

type pagerFile struct {
	Station string `yaml:"station"`
	Log     string `yaml:"log_file"`
}

func (f *pagerFile) channel(name string, path func(string) string) (Channel, error) {
	if f.Station == "" {
		return nil, errors.New(name + ": station: missing")
	}
	return &pager{name: name, log: path(f.Log)}, nil
}

type pager struct {
	name, log string
	told      []string
}

func (p *pager) Name() string { return p.name }

func (p *pager) Deliver(_ context.Context, m Message, recipient string) error {
	p.told = append(p.told, recipient+": "+m.Subject)
	return nil
}

func TestAChannelIsOneFile(t *testing.T) {
	var cfg struct {
		Channels map[string]ChannelConfig `yaml:"channels"`
	}
	if err := strict.Decode("vigie.yml", []byte("channels:\n  night:\n    pager: {station: north, log_file: p.log}\n  sms:\n    webhook: {url_file: u}\n"), &cfg); err != nil {
		t.Fatal(err)
	}
	c, err := cfg.Channels["night"].Channel("night", func(s string) string { return "/etc/vigie/" + s })
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Deliver(t.Context(), Message{Subject: "down"}, "4711"); err != nil {
		t.Fatal(err)
	}
	p, ok := c.(*pager)
	if !ok || p.Name() != "night" || p.log != "/etc/vigie/p.log" || strings.Join(p.told, "") != "4711: down" {
		t.Errorf("made %#v", c)
	}
	if _, ok := cfg.Channels["sms"].settings.(*webhookFile); !ok || cfg.Channels["sms"].Kind != "webhook" {
		t.Errorf("sms is %+v", cfg.Channels["sms"])
	}
	for text, want := range map[string]string{
		"channels:\n  a:\n    fax: {}":                      "vigie.yml:3: channels.a: write what kind of channel it is, one of pager, webhook",
		"channels:\n  a:\n    pager: {}\n    webhook: {}":   "vigie.yml:3: channels.a: write what kind",
		"channels:\n  a:\n    pager: {statoin: x}":          `vigie.yml:3: channels.a.pager: unknown key "statoin": did you mean "station"?`,
		"channels:\n  a: pager":                             "vigie.yml:2: channels.a: write what kind",
		"channels:\n  a:\n    webhook: {timeout: long ago}": "vigie.yml:3: channels.a.webhook.timeout: ",
	} {
		err := strict.Decode("vigie.yml", []byte(text), &cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := (ChannelConfig{}).Channel("a", nil); err == nil {
		t.Error("a channel of no kind is made")
	}
}

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver/config"
)

// Every file of a secret is looked at, and what is wrong is told at once, each with
// its key, its line and the cure.
func TestSecretsAreAllToldAtOnce(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("policy.yml", "schema: 1\npolicy: p\ntimezone: Europe/Paris\ncalendars:\n  day: {timezone: Europe/Paris, public_holidays: none, weekly_windows: {monday: [[\"09:00\", \"18:00\"]]}}\nscenarios:\n  - {name: all, title: {en: All}, calendar: day, match: [], identity: [alertname], ended_by: cleared}\n")
	write("inventory.yml", "people:\n  sup: {name: Sophie}\n")
	write("vigie.yml", `schema: 1
organisation: MSP
external_url: https://vigie.msp.example
links: {key_file: links.key}
listen: 127.0.0.1:0
database: postgres://vigie@db.msp.example/vigie
database_password_file: db.password
policy: [policy.yml]
inventory: [inventory.yml]
webhook_token_file: webhook.token
tokens_file: tokens
inventory_token_file: inventory.token
login:
  passwords_file: passwords
  openid_connect: {issuer: "https://id.example", client_id: v, client_secret_file: oidc}
alertmanagers: [{name: a, url: "http://127.0.0.1:9093", token_file: am.token}]
prometheus: {name: p, url: "http://127.0.0.1:9090", username: v, password_file: prom.password}
exporters: [{name: e, url: "http://127.0.0.1:9891", sources: [s], token_file: exp.token, http_config: {tls_config: {ca_file: http-ca.pem}, http_headers: {X-Key: {files: [api.key]}}}}]
mail:
  from: Vigie <vigie@msp.example>
  relay: {host: smtp.msp.example, port: 587, tls: starttls, username: vigie, password_file: smtp.password}
  fallback: {host: smtp-2.msp.example, port: 587, tls: starttls, username: vigie, password_file: smtp-2.password}
answers:
  replies: answers@msp.example
  imap: {address: mail.msp.example, username: answers, password_file: answers.password}
channels: {sms: {webhook: {url_file: sms.url}}}
alarm: {url_file: alarm.url, to: "+33561000009"}
heartbeat: {url_file: heartbeat.url}
web_config_file: web.yml
emergency: {listen: 127.0.0.1:9443, web_config_file: door.yml}
`)
	setup, err := config.Load(filepath.Join(dir, "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	err = setup.Config.CheckSecrets()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"webhook_token_file: ", "tokens_file: ", "`vigie token new PERSON` makes it", "inventory_token_file: ", "login.passwords_file: ",
		"make it: vigie password PERSON --file=", "login.openid_connect.client_secret_file", "vigie.yml:4: links.key_file: ", "make one: openssl rand -hex 32 > ",
		"database_password_file", "alertmanagers[0].token_file", "prometheus.password_file", "exporters[0].token_file", "http-ca.pem", "api.key", "vigie.yml:21: mail.relay: ", "write the password of vigie into it", "vigie.yml:22: mail.fallback: ",
		"answers.imap.password_file", "channels.sms: ", "alarm: ", "heartbeat: ", "vigie.yml:29: web_config_file: ", "vigie.yml:30: emergency.web_config_file: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
	if _, err := setup.Config.Secrets(); err == nil || strings.Contains(err.Error(), "smtp.password") || !strings.Contains(err.Error(), "passwords_file") || !strings.Contains(err.Error(), "tokens_file") || !strings.Contains(err.Error(), " web_config_file") {
		t.Errorf("what a start needs, all of it and nothing else:\n%v", err)
	}
	const hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for _, name := range []string{"webhook.token", "inventory.token", "links.key", "oidc", "db.password", "am.token", "prom.password", "exp.token", "http-ca.pem", "api.key", "smtp.password", "smtp-2.password", "answers.password"} {
		write(name, hex+"\n")
	}
	for _, name := range []string{"sms.url", "alarm.url", "heartbeat.url"} {
		write(name, "https://gateway.example/key\n")
	}
	write("web.yml", "http_server_config: {http2: true}\n")
	write("door.yml", "tls_server_config: {cert_file: door.pem, key_file: door.key}\n")
	if err := setup.Config.CheckSecrets(); err == nil || !strings.Contains(err.Error(), "emergency.web_config_file: failed to read cert_file") {
		t.Errorf("a listener without its certificate: %v", err)
	}
	write("door.yml", "")
	write("tokens", "sup "+hex+"\n")
	write("passwords", "sup $2a$04$9C9RPbZxkPYO1Yhf/Cz4UeRzUGOsa2pxiBLM7lY6xHoHrKxZ2qXTu\n")
	if err := setup.Config.CheckSecrets(); err != nil {
		t.Errorf("all are there: %v", err)
	}
	write("alarm.url", "GATEWAY\n")
	write("exp.token", "\n")
	if err := setup.Config.CheckSecrets(); err == nil || !strings.Contains(err.Error(), "it must hold one URL") || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("no address, and an empty file: %v", err)
	}
}

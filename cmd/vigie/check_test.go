package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const quietPolicy = `schema: 1
policy: quiet
effective_from: 2023-01-01
title: {en: Quiet}
timezone: Europe/Paris
calendars:
  day: {timezone: Europe/Paris, weekly_windows: {monday: [["09:00", "18:00"]]}}
roles:
  supervisor: {rota: supervisor}
  boss: {people: [boss]}
  account_manager: {field: customer.account_manager, otherwise: boss}
scenarios:
  - name: server
    title: {en: Server}
    match: ['machine_class="server"']
    identity: [customer, machine]
    calendar: day
    ended_by: cleared
    steps:
      - {name: opened, template: B1, when: {at: opening}, to: [supervisor], cc: [boss]}
      - {name: told, template: B1, when: {act: escalate}, to: [account_manager]}
  - name: rest
    title: {en: Rest}
    match: []
    identity: [alertname]
    calendar: day
    ended_by: cleared
    steps:
      - {name: opened, template: B1, when: {at: opening}, to: [supervisor]}
`

const quietInventory = `people:
  sup: {name: Sophie, email: sup@msp.example}
  boss: {name: Béatrice, email: boss@msp.example}
customers:
  dupont: {name: Dupont, account_manager: boss}
rota:
  - {role: supervisor, person: sup}
`

// covers: T11; what is allowed but seldom meant is shown under a heading, with
// its cure, and does not make the check fail.
func TestCheckWarns(t *testing.T) {
	for _, c := range []struct {
		name, file, old, now, want string
	}{
		{"nothing", "policy/policy.yml", "quiet", "quiet", ""},
		{"shadowed scenario", "policy/policy.yml", `['machine_class="server"']`, "[]",
			"policy.yml:22: scenario rest is never used: the first scenario that matches a failure counts, and server, which stands above it, matches everything that rest matches; move rest above server, or let server match less"},
		{"never runs", "policy/policy.yml", "when: {act: escalate}", "when: {flag: double_failure}",
			"policy.yml:21: step told of scenario server can never run: the scenario does not ask for the other backup (other_backup:); mend its when:, only_if: or unless:, or take the step away"},
		{"never holds", "policy/policy.yml", "when: {act: escalate}", "when: {act: escalate}, only_if: [customer_told]",
			"step told of scenario server can never run: it waits for customer_told, which no step of the scenario says that it does (raises:)"},
		{"contradiction", "policy/policy.yml", "when: {act: escalate}", "when: {act: escalate}, only_if: [repaired], unless: [repaired]",
			"step told of scenario server can never run: only_if and unless both name repaired, so it must hold and must not"},
		{"clock change", "policy/policy.yml", `[["09:00", "18:00"]]`, `[["02:30", "18:00"]]`,
			"calendar day: weekly_windows.monday: 02:30 lies between 02:00 and 03:00"},
		{"gap in the rota", "inventory/inventory.yml", "person: sup}", "person: sup}\n  - {role: supervisor, person: nobody, from: 2026-03-10, until: 2026-03-10}",
			"rota supervisor: nobody is on duty from 2026-03-10 00:00 until 2026-03-11 00:00: messages to the role supervisor then reach nobody; fill the gap under rota: in the inventory, or add otherwise: to the role"},
		{"gap with a stand-in", "policy/policy.yml", "{rota: supervisor}", "{rota: night, otherwise: boss}",
			"rota night: nobody is on duty from 2026-03-09 07:00 on, for the rest of the next 30 days: the role boss is told instead; fill the gap under rota: in the inventory if that is not meant\n" +
				`inventory.yml:7: rota[0].role: no role of a policy is filled by it: unknown rota "supervisor": known are night`},
		{"an offset of winter in summer", "inventory/inventory.yml", "person: sup}", "person: sup}\nabsences:\n  - {person: boss, from: 2026-07-13T09:00:00+01:00, until: 2026-07-13T20:00:00Z}",
			"inventory.yml:9: absences[0]: 2026-07-13T09:00:00+01:00 is 10:00 on 13 July in Europe/Paris, whose offset is another one then: write 2026-07-13T09:00:00+02:00 if that is meant"},
		{"field that reaches nobody", "inventory/inventory.yml", ", account_manager: boss", "",
			"role account_manager (customer.account_manager) reaches nobody for customer dupont, so that the role boss is told instead: in the inventory, give the customer an account_manager: who has an email: or channels:"},
		{"person without an entry", "policy/policy.yml", "people: [boss]", "people: [bos]",
			"role boss reaches nobody: no person of the inventory with an email: has the id bos; add one under people: or mend the role"},
		{"a key of the policy alone", "policy/policy.yml", "day: {", "day: {public_holidays: , ",
			"policy.yml:7: calendars.day.public_holidays: nothing stands behind it, so that it counts as not written: write a value, or take the line away"},
		{"a key of the inventory alone", "inventory/inventory.yml", "rota:", "absences:\nrota:", "inventory.yml:6: absences: nothing stands behind it"},
		{"a key of vigie.yml alone", "vigie.yml", "schema: 1", "schema: 1\nphone:", "vigie.yml:2: phone: nothing stands behind it"},
		{"a customer alone", "inventory/inventory.yml", "customers:", "customers:\n  martin:", "role account_manager (customer.account_manager) reaches nobody for customer martin"},
		{"replies that nobody reads", "vigie.yml", "reply_to: Backups <backups@msp.example>", "",
			"mail.reply_to is missing: replies go to mail.from, and mails ask for none; name the address of a mailbox that people read"},
		{"person without an address", "policy/policy.yml", "people: [boss]", "people: [boss, sup2]",
			"role boss does not reach everybody: no person of the inventory with an email: has the id sup2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newInstall(t)
			i.write("policy/policy.yml", quietPolicy)
			i.write("inventory/inventory.yml", quietInventory)
			i.edit("people.tokens", "adm1", "sup")
			i.edit(c.file, c.old, c.now)
			args := []string{"check", "--config.file=" + filepath.Join(i.dir, "vigie.yml"), "--at=2026-03-09T07:10:00+01:00"}
			out := i.vigie(0, args...)
			wants := strings.Split(c.want, "\n")
			_, under, headed := strings.Cut(out, fmt.Sprintf("\nWarnings (%d): allowed, but probably not what you want\n", len(wants)))
			for _, want := range wants {
				if headed != (want != "") || !strings.Contains(under, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if !strings.Contains(out, "in order") || !strings.Contains(out, "\nserver: Server\n") {
				t.Errorf("verdict or preview are missing:\n%s", out)
			}
		})
	}
}

// covers: T10; the receiver goes on with the last good copy, at a reload and at
// a start, and says so until the file is well again.
func TestServeWithCalendarCopies(t *testing.T) {
	i := newInstall(t)
	i.edit("vigie.yml", "[inventory/*.yml]", "[inventory/*.yml, inventory/*.ics]")
	i.write("inventory/always.ics", closedDay)
	i.start()
	used := func(want string) {
		t.Helper()
		if got := i.metrics()[`vigie_calendar_copy_used{calendar="always"}`]; got != want {
			t.Errorf("vigie_calendar_copy_used is %q, want %s", got, want)
		}
	}
	warned := regexp.MustCompile(`level=WARN.*its last good copy is used.*calendar=always`)
	used("0")
	i.write("inventory/always.ics", "")
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, warned)
	i.out.wait(t, regexp.MustCompile("configuration taken over"))
	used("1")
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(i.dir, "inventory/always.ics")); err != nil {
		t.Fatal(err)
	}
	i.start()
	i.out.wait(t, warned)
	used("1")
	i.write("inventory/always.ics", closedDay)
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, regexp.MustCompile("configuration taken over"))
	used("0")
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// Programs read standard output; warnings go past them.
func TestCheckWarnsBesideJSON(t *testing.T) {
	i := newInstall(t)
	i.write("policy/policy.yml", quietPolicy)
	i.write("inventory/inventory.yml", quietInventory)
	i.edit("policy/policy.yml", "people: [boss]", "people: [bos]")
	var out, bad strings.Builder
	if code := run(t.Context(), []string{"check", "--config.file=" + filepath.Join(i.dir, "vigie.yml"), "--output=json"}, &out, &bad); code != 0 {
		t.Fatalf("exit %d: %s", code, bad.String())
	}
	if !json.Valid([]byte(out.String())) || !strings.Contains(bad.String(), "role boss reaches nobody") {
		t.Errorf("output:\n%s\nbeside it:\n%s", out.String(), bad.String())
	}
}

// covers: T10; the check tells of calendar files that the receiver would go on
// without.
func TestCheckTellsOfCalendarFiles(t *testing.T) {
	i := newInstall(t)
	i.edit("vigie.yml", "[inventory/*.yml]", "[inventory/*.yml, inventory/*.ics]")
	path := "--config.file=" + filepath.Join(i.dir, "vigie.yml")
	i.vigie(0, "check", path) // nobody has to have calendar files
	i.edit("vigie.yml", "inventory/*.ics", "inventory/always.ics")
	if out := i.vigie(1, "check", path); !strings.Contains(out, `"inventory/always.ics" names no file`) {
		t.Errorf("a file that is not there:\n%s", out)
	}
	i.edit("vigie.yml", "inventory/always.ics", "inventory/*.ics")
	i.write("inventory/always.ics", closedDay)
	i.vigie(0, "check", path)
	copies := filepath.Join(i.dir, "vigie.db.calendars")
	if err := os.Mkdir(copies, 0o750); err != nil {
		t.Fatal(err)
	}
	i.write("vigie.db.calendars/always.ics", closedDay)
	i.write("inventory/always.ics", "")
	if out := i.vigie(1, "check", path); !strings.Contains(out, "always.ics:1: the file is empty") {
		t.Errorf("an empty file:\n%s", out)
	}
	if err := os.Remove(filepath.Join(i.dir, "inventory/always.ics")); err != nil {
		t.Fatal(err)
	}
	if out := i.vigie(1, "check", path); !strings.Contains(out, "always.ics, which was there before, is gone") {
		t.Errorf("a file that is gone:\n%s", out)
	}
}

const closedDay = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// Passwords beside tokens on one listener are refused, and a token of nobody is
// named.
func TestCheckOfWhoMayEnter(t *testing.T) {
	i := newInstall(t)
	path := "--config.file=" + filepath.Join(i.dir, "vigie.yml")
	if out := i.vigie(0, "check", path); strings.Contains(out, "opens nothing") {
		t.Errorf("a token of somebody who is there:\n%s", out)
	}
	i.write("people.tokens", "who.left "+strings.Repeat("ab", 32)+"\n")
	if out := i.vigie(0, "check", path); !strings.Contains(out, `the token of "who.left" opens nothing`) {
		t.Errorf("a token of nobody:\n%s", out)
	}
	i.edit("vigie.yml", "schema: 1", "schema: 1\nweb_config_file: web.yml")
	i.write("web.yml", "tls_server_config: {}\nbasic_auth_users:\n  # nobody yet\n")
	i.vigie(0, "check", path)
	for _, text := range []string{"basic_auth_users:\n  alertmanager: $2y$10$abc\n", "basic_auth_users: {alertmanager: x}\n", "basic_auth_users: # people\n\n  a: b\n"} {
		i.write("web.yml", text)
		if out := i.vigie(1, "check", path); !strings.Contains(out, "one Authorization header") {
			t.Errorf("passwords beside tokens, %q:\n%s", text, out)
		}
	}
}

// Who left the inventory is named with the token and the incidents: by check and at a
// reload, which gives the incidents back.
func TestWhoLeft(t *testing.T) {
	i := newInstall(t)
	path := "--config.file=" + filepath.Join(i.dir, "vigie.yml")
	i.start()
	if err := i.post("SRV-AD"); err != nil {
		t.Fatal(err)
	}
	i.vigie(0, i.client("act", "take", "customer=dupont,machine=SRV-AD")...)
	owned := `"adm1" has incidents and is in no inventory: #1; they are given back`
	if out := i.vigie(0, "check", path); strings.Contains(out, "in no inventory") {
		t.Errorf("before anybody left:\n%s", out)
	}
	i.edit("inventory/inventory.yml", "  adm1: {name: Adrien Blanc, email: adm1@msp.example, language: fr}\n", "")
	if out := i.vigie(0, "check", path); !strings.Contains(out, owned) || !strings.Contains(out, `the token of "adm1" opens nothing`) {
		t.Errorf("after adm1 left:\n%s", out)
	}
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, regexp.MustCompile(`level=WARN.*token of .*adm1.* opens nothing`))
	i.out.wait(t, regexp.MustCompile(`level=WARN.*adm1.* has incidents and is in no inventory: #1`))
	for range 300 {
		if out := i.vigie(0, "check", path); !strings.Contains(out, owned) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the incident is not given back")
}

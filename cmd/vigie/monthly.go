package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/rules/report"
)

// reports are the verbs for the reports of a month and for restore tests.
func (c *commands) reports(app *kingpin.Application) []verb {
	group := app.Command("report", "The reports of a month, and restore tests.\n\nExamples:\n  vigie report statement --month=2026-03 --platform=lms-A\n  vigie report dossier --customer=dupont --output=csv > dupont.csv\n  vigie report restore-tests")
	var out []verb
	for _, kind := range []struct{ name, help string }{
		{"statement", "How the targets of a month were kept."}, {"dossier", "A customer's backups, incidents and restore tests of a month."}, {"noise", "How many mails and calls each person had, day by day."},
	} {
		out = append(out, c.oneReport(group, kind.name, kind.help))
	}
	return append(out, c.restoreTests(group), c.recordTest(group))
}

func (c *commands) oneReport(group *kingpin.CmdClause, kind, help string) verb {
	cmd := group.Command(kind, help+"\n\nExample:\n  vigie report "+kind+" --month=2026-03 --customer=dupont")
	cl := c.clientFlags(cmd)
	month := cmd.Flag("month", "Which, such as 2026-03; the one before this without it.").String()
	customer, platform := cmd.Flag("customer", "Only this customer's.").String(), cmd.Flag("platform", "Only this platform's.").String()
	output := cmd.Flag("output", "How to print: table for people, json for programs, csv for spreadsheets; text is another word for table.").Default("table").Enum("table", "json", "csv", "text")
	format := cmd.Flag("format", "Another word for --output.").Hidden().Enum("table", "json", "csv")
	language := cmd.Flag("language", "What a table or a csv file is written in; that of the terminal without it.").String()
	return verb{cmd, func(ctx context.Context) error {
		how := cmp.Or(*format, *output)
		q := url.Values{"format": {map[bool]string{true: "json", false: "csv"}[how == "json"]}}
		for k, v := range map[string]string{"month": *month, "customer": *customer, "platform": *platform, "language": *language} {
			if v != "" {
				q.Set(k, v)
			}
		}
		text, err := cl.ask(ctx, http.MethodGet, "/api/v1/reports/"+kind+"?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		if how == "json" || how == "csv" {
			_, err = c.out.Write(text)
			return err
		}
		return c.sheet(text)
	}}
}

// sheet prints a CSV file as a table, without its empty columns.
func (c *commands) sheet(text []byte) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := csv.NewReader(bytes.NewReader(text))
	if head, _, _ := bytes.Cut(text, []byte("\n")); bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		r.Comma = ';'
	}
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return err
	}
	var columns []int
	for i := range rows[0] {
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != "" }) {
			columns = append(columns, i)
		}
	}
	cells := func(row []string) (out []string) {
		for _, i := range columns {
			out = append(out, orDash(strings.Join(strings.Fields(row[i]), " ")))
		}
		return out
	}
	t := c.columns(strings.ToUpper(strings.Join(cells(rows[0]), "\t")))
	for _, row := range rows[1:] {
		t.row(cells(row)...)
	}
	return t.flush()
}

func (c *commands) restoreTests(group *kingpin.CmdClause) verb {
	cmd := group.Command("restore-tests", "By when restores are tried, those that are longest overdue first, and what was tried, the newest first.\n\nExample:\n  vigie report restore-tests --customer=dupont")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	customer := cmd.Flag("customer", "Only this customer's.").String()
	return verb{cmd, func(ctx context.Context) error {
		path := "/api/v1/restore-tests"
		if *customer != "" {
			path += "?" + url.Values{"customer": {*customer}}.Encode()
		}
		var all struct {
			Machines []report.TestDue     `json:"machines"`
			Tests    []report.RestoreTest `json:"tests"`
			Overdue  int                  `json:"overdue"`
		}
		if err := cl.do(ctx, http.MethodGet, path, nil, &all); err != nil {
			return err
		}
		if *output == "json" {
			return c.json(all)
		}
		t := c.columns("CUSTOMER", "MACHINE", "LAST", "DUE", "OVERDUE")
		for _, m := range all.Machines {
			due := "now"
			if !m.Due.IsZero() {
				due = m.Due.Format(time.DateOnly)
			}
			overdue := "-"
			if m.Overdue {
				overdue = "yes"
			}
			t.row(m.Customer, m.Machine, orDash(m.Last), due, overdue)
		}
		if err := t.flush(); err != nil || len(all.Tests) == 0 {
			return err
		}
		t = c.section("TESTED", "CUSTOMER", "MACHINE", "RESULT", "TOOK", "WHAT", "BY")
		for _, x := range all.Tests {
			t.row(x.Day, x.Customer, x.Machine, x.Result, orDash(map[bool]string{true: strconv.Itoa(x.Minutes) + "m"}[x.Minutes > 0]), firstLine(x.Scope), orDash(x.By))
		}
		return t.flush()
	}}
}

func (c *commands) recordTest(group *kingpin.CmdClause) verb {
	cmd := group.Command("restore-test", "Record a restore test, in your own name.\n\nExample:\n  vigie report restore-test dupont SRV-AD --result=ok --took=35m --scope=\"the folder Accounts\"")
	cl, output := c.clientFlags(cmd), outputFlag(cmd)
	customer, machine := cmd.Arg("customer", "Whose machine.").Required().String(), cmd.Arg("machine", "Which machine.").Required().String()
	day := cmd.Flag("on", "The day on which it was tried; today without it.").String()
	result := cmd.Flag("result", "How it went.").Required().Enum(report.TestResults()...)
	took := cmd.Flag("took", "How long it took.").Duration()
	scope, note := cmd.Flag("scope", "What was restored.").String(), cmd.Flag("note", "What else is to be known.").String()
	return verb{cmd, func(ctx context.Context) error {
		if *took < 0 {
			return errors.New("--took: a length of time such as 35m")
		}
		t := report.RestoreTest{Customer: *customer, Machine: *machine, Day: *day, Result: *result, Minutes: int(took.Round(time.Minute) / time.Minute), Scope: *scope, Note: *note}
		if t.Day == "" {
			t.Day = time.Now().Format(time.DateOnly)
		}
		if err := cl.do(ctx, http.MethodPost, "/api/v1/restore-tests", t, &t); err != nil {
			return err
		}
		return c.done(*output, t, "recorded: %s of %s, tested on %s: %s", t.Machine, t.Customer, t.Day, t.Result)
	}}
}

package main

import (
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/receiver/store/journal"
)

func (c *commands) journal(app *kingpin.Application) []verb {
	group := app.Command("journal", "The evidence: examine it, export it, take a person out of it.")
	return []verb{c.verify(group), c.export(group), c.erase(group)}
}

func (c *commands) verify(group *kingpin.CmdClause) verb {
	cmd := group.Command("verify", "Examine every line, payload, message and seal; exit 1 and name the first place that is not what was written. The receiver may run meanwhile.\n\nExamples:\n  vigie journal verify\n  vigie journal verify --database=/srv/backup/vigie-2026-03-09.db --seal=17:9f86d0...")
	db, output := databaseFlags(cmd), outputFlag(cmd)
	kept := cmd.Flag("seal", "A seal that was told or logged before, NUMBER:HASH; shows whether the end was cut off. Repeatable.").Strings()
	return verb{cmd, func(ctx context.Context) error {
		var seals []store.Seal
		for _, k := range *kept {
			s, err := journal.ParseSeal(k)
			if err != nil {
				return fmt.Errorf("--seal: %w", err)
			}
			seals = append(seals, s)
		}
		var v *store.Verification
		err := db.view(ctx, func(tx *store.Tx) (err error) { v, err = tx.Verify(seals...); return err })
		if err != nil {
			return err
		}
		if *output == "json" {
			err = c.printJSON(v)
		} else {
			c.printVerification(v)
		}
		if len(v.Faults) > 0 {
			return errors.Join(err, errors.New("the journal is not what was written"))
		}
		return err
	}}
}

func (c *commands) printVerification(v *store.Verification) {
	for _, f := range v.Faults {
		fmt.Fprintln(c.out, f)
	}
	if v.More {
		fmt.Fprintln(c.out, "and more")
	}
	fmt.Fprintf(c.out, "%d lines in %d chains, %d payloads, %d messages, %d seals; %d texts erased\n",
		v.Lines, v.Chains, v.Payloads, v.Messages, v.Seals, v.Erased)
	if v.Cut > 0 {
		fmt.Fprintf(c.out, "retention has cut at seal %d\n", v.Cut)
	}
	if v.Latest != "" {
		fmt.Fprintf(c.out, "latest seal %s\n", v.Latest)
	}
}

func (c *commands) export(group *kingpin.CmdClause) verb {
	cmd := group.Command("export", "Print lines of the journal, with instants in UTC and in a time zone. The receiver may run meanwhile.\n\nExamples:\n  vigie journal export --incident=12\n  vigie journal export --format=csv --customer=dupont --from=2026-03-01 --to=2026-04-01 > march.csv\n  vigie journal export --format=excel --incident=12 > incident-12.csv")
	db := databaseFlags(cmd)
	format := cmd.Flag("format", "jsonl: one JSON object a line; csv: commas, for programs; excel: opens right in a spreadsheet set to a language with decimal commas.").Default("jsonl").Enum("jsonl", "csv", "excel")
	incident := cmd.Flag("incident", "Only this incident: its id or number; system for what belongs to none.").String()
	customer := cmd.Flag("customer", "Only this customer's incidents.").String()
	from := cmd.Flag("from", "From this day or instant on, RFC 3339.").String()
	to := cmd.Flag("to", "Until before this day or instant.").String()
	zone := cmd.Flag("timezone", "Zone of days and of local instants.").Default("Europe/Paris").String()
	return verb{cmd, func(ctx context.Context) error {
		loc, err := time.LoadLocation(*zone)
		if err != nil {
			return fmt.Errorf("--timezone: %w", err)
		}
		x := store.Extract{Incident: *incident, Customer: *customer}
		if n, err := strconv.Atoi(strings.TrimPrefix(*incident, "#")); err == nil {
			x.Incident = "i" + strconv.Itoa(n)
		}
		if x.From, err = dayOrInstant(*from, loc); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		if x.To, err = dayOrInstant(*to, loc); err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		return db.view(ctx, func(tx *store.Tx) error {
			if *format != "jsonl" {
				return c.exportCSV(tx, x, loc, *format == "excel")
			}
			e := json.NewEncoder(c.out)
			return tx.Export(x, func(l store.Exported) error {
				return e.Encode(struct {
					store.Exported
					Local string `json:"local"`
				}{l, l.At.In(loc).Format(time.RFC3339)})
			})
		})
	}}
}

func dayOrInstant(text string, loc *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day such as 2026-03-09 nor an instant such as 2026-03-09T07:10:00+01:00", text)
	}
	return t, nil
}

// exportCSV writes lines for programs or, with a byte order mark and semicolons, for
// Excel.
func (c *commands) exportCSV(tx *store.Tx, x store.Extract, loc *time.Location, excel bool) error {
	w := csv.NewWriter(c.out)
	if excel {
		if _, err := io.WriteString(c.out, "\ufeff"); err != nil {
			return err
		}
		w.Comma, w.UseCRLF = ';', true
	}
	err := w.Write([]string{"incident", "line", "at_utc", "at_local", "kind", "what", "actor", "reason", "personal",
		"customer", "machine", "platform", "key", "hash"})
	if err != nil {
		return err
	}
	err = tx.Export(x, func(l store.Exported) error {
		cells := []string{l.Chain, strconv.FormatInt(l.Line.Line, 10), l.At.UTC().Format(time.RFC3339), l.At.In(loc).Format(time.RFC3339),
			l.Kind, l.What, l.Actor, l.Reason, l.Personal, l.Customer, l.Machine, l.Platform, l.Key, hex.EncodeToString(l.Hash)}
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		return w.Write(cells)
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// inert keeps a spreadsheet from evaluating text that somebody else wrote.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (c *commands) erase(group *kingpin.CmdClause) verb {
	cmd := group.Command("erase", "Take a person out: delete their texts and the messages that name them, and put a pseudonym in their place; the journal still verifies. The receiver must be stopped.\n\nExample:\n  vigie journal erase adm1 --also='Jean Durand' --also=jean.durand@msp.example")
	db, output := databaseFlags(cmd), outputFlag(cmd)
	id := cmd.Arg("person", "Id of the person in the inventory; name, address and phone are taken from there.").Required().String()
	also := cmd.Flag("also", "Further words by which the person is known. Repeatable.").Strings()
	return verb{cmd, func(ctx context.Context) error {
		names := append([]string{*id}, *also...)
		setup, err := receiver.LoadWithCopies(*db.config)
		switch {
		case err == nil:
			if p := setup.Book.Directory.People[*id]; p != nil {
				for _, n := range append([]string{p.Name, p.Email, p.Phone}, slices.Sorted(maps.Values(p.Channels))...) {
					if n != "" {
						names = append(names, n)
					}
				}
			}
		case *db.file == "" || !errors.Is(err, os.ErrNotExist):
			return err
		}
		path, options, err := db.path()
		if err != nil {
			return err
		}
		var done store.Erasure
		err = change(ctx, path, options, func(tx *store.Tx) (err error) { done, err = tx.Erase(names, time.Now()); return err })
		if err != nil {
			return err
		}
		if *output == "json" {
			return c.printJSON(done)
		}
		fmt.Fprintf(c.out, "erased; %s from now on: %d texts and %d messages deleted, %d incidents, %d notifications and %d transmissions changed\n",
			done.Pseudonym, done.Texts, done.Messages, done.Incidents, done.Notifications, done.Transmissions)
		if done.Reasons > 0 {
			fmt.Fprintf(c.out, "%d lines name the person in their reason, which is hashed: they stay until retention cuts them\n", done.Reasons)
		}
		return nil
	}}
}

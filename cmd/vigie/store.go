package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/rules/incident"
)

// database finds the database that a verb works on: the one that --database names, or
// else the configuration's.
type database struct{ config, file *string }

func databaseFlags(cmd *kingpin.CmdClause) database {
	return database{
		config: configFlag(cmd),
		file:   cmd.Flag("database", "Database file or address, instead of the one that the configuration names.").String(),
	}
}

func (d database) path() (string, store.Options, error) {
	if *d.file != "" {
		return *d.file, store.Options{}, nil
	}
	setup, err := receiver.LoadWithCopies(*d.config)
	if err != nil {
		return "", store.Options{}, fmt.Errorf("%w\nor name the database itself with --database", err)
	}
	return setup.Database()
}

// inFile returns the database's path, and refuses PostgreSQL with a cure.
func (d database) inFile(cure string) (string, error) {
	path, _, err := d.path()
	if err == nil && store.OnServer(path) {
		err = fmt.Errorf("%s is a database of PostgreSQL: %s", store.Address(path), cure)
	}
	return path, err
}

// view looks at the database beside a receiver that may be running.
func (d database) view(ctx context.Context, fn func(*store.Tx) error) error {
	path, options, err := d.path()
	if err != nil {
		return err
	}
	a, err := options.OpenArchive(ctx, path)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.View(ctx, fn)
}

func (c *commands) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (c *commands) store(app *kingpin.Application) []verb {
	group := app.Command("store", "Back the database up, bring a backup back, carry it over to another.")
	return []verb{c.backup(group), c.restore(group), c.migrate(group)}
}

func (c *commands) backup(group *kingpin.CmdClause) verb {
	cmd := group.Command("backup", "Write a whole, checked copy of the database to a new file; the receiver may run meanwhile.\n\nExamples:\n  vigie store backup --config.file=/etc/vigie/vigie.yml /srv/backup/vigie-2026-03-09.db\n  vigie store backup --directory=/var/backups/vigie --keep=14")
	db, output := databaseFlags(cmd), outputFlag(cmd)
	to := cmd.Arg("file", "File to write; it must not exist yet.").String()
	dir := cmd.Flag("directory", "Folder to write into instead, under a name with the date and time (UTC).").String()
	keep := cmd.Flag("keep", "With --directory: how many of the copies there stay, the newest; 0 keeps all.").Default("0").Uint()
	return verb{cmd, func(ctx context.Context) error {
		if (*to == "") == (*dir == "") {
			return errors.New("name the file to write, or a folder with --directory")
		}
		path, err := db.inFile("back it up with pg_dump --format=custom --file=FILE, or with whatever backs the server up; docs/high-availability.md says how to check it")
		if err != nil {
			return err
		}
		file := *to
		if *dir != "" {
			file = filepath.Join(*dir, "vigie-"+time.Now().UTC().Format(copyTime)+".db")
		}
		if err := store.Backup(ctx, path, file); err != nil {
			return err
		}
		// The seal in the copy shows later how far it goes.
		var seal store.Seal
		if err := (database{file: &file}).view(ctx, func(tx *store.Tx) (err error) { seal, _, err = tx.LatestSeal(); return err }); err != nil {
			return err
		}
		var removed []string
		if *dir != "" && *keep > 0 {
			if removed, err = thin(*dir, int(*keep)); err != nil {
				return fmt.Errorf("%s is written, but older copies could not be removed: %w", file, err)
			}
		}
		if *output == "json" {
			return c.printJSON(map[string]any{"database": path, "backup": file, "latest_seal": sealText(seal), "removed": append([]string{}, removed...)})
		}
		fmt.Fprintf(c.out, "%s is a whole copy of %s; its latest seal is %s\n", file, path, sealText(seal))
		for _, r := range removed {
			fmt.Fprintf(c.out, "removed %s: %d newer ones are kept\n", r, *keep)
		}
		return nil
	}}
}

func (c *commands) migrate(group *kingpin.CmdClause) verb {
	cmd := group.Command("migrate", "Carry a whole database over into an empty one, from SQLite to PostgreSQL or back, and verify the journal there. Receivers must be stopped. What was interrupted goes on where it was when it is called again.\n\nExample:\n  PGPASSFILE=/etc/vigie/pgpass vigie store migrate --from=/var/lib/vigie/vigie.db --to=postgres://vigie@db1.example/vigie")
	from := cmd.Flag("from", "Database file or address to carry over; it is not changed.").Required().String()
	to := cmd.Flag("to", "Database file or address to carry it into; a file need not exist.").Required().String()
	output := outputFlag(cmd)
	return verb{cmd, func(ctx context.Context) error {
		a, err := store.OpenArchive(ctx, *from)
		if err != nil {
			return err
		}
		defer a.Close()
		s, err := store.Options{Within: time.Hour}.Open(ctx, *to)
		if err != nil {
			return err
		}
		defer s.Close()
		v, err := store.Transfer(ctx, a, s, func(table string, rows int) {
			if *output != "json" && rows > 0 {
				fmt.Fprintf(c.out, "%s: %d rows\n", table, rows)
			}
		})
		if err != nil {
			return err
		}
		if *output == "json" {
			return c.printJSON(v)
		}
		fmt.Fprintf(c.out, "%s is now in %s: %d lines of the journal in %d chains, %d payloads, %d messages and %d seals verified\n",
			store.Address(*from), store.Address(*to), v.Lines, v.Chains, v.Payloads, v.Messages, v.Seals)
		return nil
	}}
}

// copyTime is how a copy's name tells when it was made; names sort by it.
const copyTime = "20060102T150405Z"

// thin removes all but the newest copies of a folder. It knows copies by their names
// alone; whatever else lies there stays.
func thin(dir string, keep int) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var copies []string
	for _, f := range files { // sorted by name
		at, ok := strings.CutPrefix(f.Name(), "vigie-")
		if _, err := time.Parse(copyTime+".db", at); ok && err == nil && f.Type().IsRegular() {
			copies = append(copies, filepath.Join(dir, f.Name()))
		}
	}
	old := copies[:max(0, len(copies)-keep)]
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return nil, err
		}
	}
	return old, nil
}

func sealText(s store.Seal) string {
	if s.Number == 0 {
		return "none"
	}
	return s.String()
}

func (c *commands) restore(group *kingpin.CmdClause) verb {
	cmd := group.Command("restore", "Put a backup in the database's place; the receiver must be stopped. What was there is kept beside it.\n\nExample:\n  systemctl stop vigie && vigie store restore /srv/backup/vigie-2026-03-09.db && systemctl start vigie")
	db, output := databaseFlags(cmd), outputFlag(cmd)
	from := cmd.Arg("backup", "Backup to bring back.").Required().ExistingFile()
	return verb{cmd, func(ctx context.Context) error {
		path, err := db.inFile("stop the receivers and bring it back with pg_restore; docs/high-availability.md says how")
		if err != nil {
			return err
		}
		now := time.Now()
		kept, err := store.Restore(ctx, *from, path, now)
		if err != nil {
			return err
		}
		err = change(ctx, path, store.Options{}, func(tx *store.Tx) error {
			return tx.AppendSystem(incident.Entry{At: now, Kind: "note", What: "restored", Reason: "the database was restored from a backup"})
		})
		if err != nil {
			return fmt.Errorf("the backup is in place, but: %w", err)
		}
		if *output == "json" {
			return c.printJSON(map[string]string{"database": path, "backup": *from, "kept": kept})
		}
		fmt.Fprintf(c.out, "%s is now %s\n", path, *from)
		if kept != "" {
			fmt.Fprintf(c.out, "what was there before is kept as %s\n", kept)
		}
		return nil
	}}
}

// change writes to the database. No other process may use a SQLite file meanwhile.
func change(ctx context.Context, path string, o store.Options, fn func(*store.Tx) error) error {
	o.Within = time.Hour // erasing may go through every row
	s, err := o.Open(ctx, path)
	if err != nil {
		return err
	}
	err = s.Update(ctx, fn)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/internal/strict"
	"vigie/receiver"
	"vigie/receiver/token"
)

func (c *commands) token(app *kingpin.Application) verb {
	group := app.Command("token", "Tokens of the people who act over the API and the command line.")
	cmd := group.Command("new", "Make a token for a person of the inventory and add its hash to tokens_file. It is printed once.\n\nExample:\n  vigie token new adm1 --expires=2027-06-30")
	path, output := configFlag(cmd), outputFlag(cmd)
	expires := cmd.Flag("expires", "Last day on which it counts, like 2027-06-30.").String()
	person := cmd.Arg("person", "Id of the person in the inventory.").Required().String()
	return verb{cmd, func(context.Context) error {
		setup, err := receiver.LoadWithCopies(*path)
		if err != nil {
			return err
		}
		people := setup.Book.Directory.People
		if people[*person] == nil {
			return fmt.Errorf("%s", strict.Unknown("person", *person, slices.Sorted(maps.Keys(people))))
		}
		var until time.Time
		if *expires != "" {
			if until, err = time.Parse(time.DateOnly, *expires); err != nil {
				return fmt.Errorf("--expires: %q is no date: write it like 2027-06-30", *expires)
			}
		}
		if !until.IsZero() && !time.Now().Before(until.AddDate(0, 0, 1)) {
			fmt.Fprintf(c.logs.Writer, "warning: %s is over: this token will never count\n", *expires)
		}
		file := setup.Config.Path(setup.Config.TokensFile)
		made, err := token.Grant(file, *person, until)
		if err != nil {
			return fmt.Errorf("tokens_file: %w", err)
		}
		fmt.Fprintf(c.logs.Writer, "%s's token, to be kept in a file of their own; it counts after a reload (systemctl reload vigie):\n", *person)
		return c.done(*output, map[string]string{"person": *person, "token": made, "expires": *expires}, "%s", made)
	}}
}

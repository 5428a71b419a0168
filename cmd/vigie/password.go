package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"vigie/receiver/identity"
)

// password makes the line of a password file.
func (c *commands) password(app *kingpin.Application) verb {
	cmd := app.Command("password", "Make a person's password for the pages.\n\nIt is read from the terminal, or as one line from the standard input, and is kept as a bcrypt hash. A running receiver takes it over with a reload."+
		"\n\nExamples:\n  vigie password sup --file=/etc/vigie/secrets/passwords\n  pass show vigie/sup | vigie password sup >> /etc/vigie/secrets/passwords")
	person := cmd.Arg("person", "The person's id in the inventory.").Required().String()
	output := outputFlag(cmd)
	file := cmd.Flag("file", "Password file in which to put it, in place of the one before; without it the line is printed.").String()
	return verb{cmd, func(context.Context) error {
		text, err := askPassword(*person)
		if err != nil {
			return err
		}
		line, err := identity.Hash(*person, text)
		if err != nil {
			return err
		}
		if *file == "" {
			return c.done(*output, map[string]string{"person": *person, "line": line}, "%s", line)
		}
		if err := identity.Write(*file, *person, line); err != nil {
			return fmt.Errorf("--file: %w", err)
		}
		return c.done(*output, map[string]string{"person": *person, "file": *file}, "%s has a new password in %s", *person, *file)
	}}
}

// askPassword reads a password without showing it.
func askPassword(person string) (string, error) {
	fd := int(os.Stdin.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, 1<<10)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var said [2]string
	for i, prompt := range []string{"New password for " + person + ": ", "Again: "} {
		fmt.Fprint(os.Stderr, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", err
		}
		said[i] = string(b)
	}
	if said[0] != said[1] {
		return "", errors.New("the two are not the same: nothing was changed")
	}
	return said[0], nil
}

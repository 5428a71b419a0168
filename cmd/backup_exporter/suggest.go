package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/exporters"
	"vigie/exporters/suggest"
	"vigie/internal/atomicfile"
	"vigie/internal/fleet"
)

// inventoryOptions are the flags that make and compare inventories.
type inventoryOptions struct {
	suggest, diff bool
	file, recipe  string
}

func (o *inventoryOptions) flags(app *kingpin.Application) {
	app.Flag("inventory.suggest", "Read each source once and write the machines that they list as machines.csv, to the standard output or with --inventory.file. What is unclear stands in the column note.").
		BoolVar(&o.suggest)
	app.Flag("inventory.file", "With --inventory.suggest or --inventory.recipe: the file of machines to complete. What people wrote in it stays; it is made when it is not there.").StringVar(&o.file)
	app.Flag("inventory.recipe", "Take machines, classes and users from the export of another program, as this YAML file says; alone, or beside --inventory.suggest.").StringVar(&o.recipe)
	app.Flag("inventory.diff", "Read each source once, say where the inventory and the sources differ, and exit; 1 if they do.").BoolVar(&o.diff)
}

func (o *inventoryOptions) wanted() bool {
	return o.suggest || o.diff || o.recipe != "" || o.file != ""
}

// alone reports whether an export is all that is asked for: then no source is.
func (o *inventoryOptions) alone() bool { return o.wanted() && !o.suggest && !o.diff }

// inventoryWork suggests machines, or compares. What people must know beside the
// result goes to notes.
func inventoryWork(ctx context.Context, o options, env exporters.SourceOptions, c configuration, out, notes io.Writer) (code int) {
	fail := func(err error) int {
		fmt.Fprintf(notes, "backup_exporter: %v\n", err)
		return 1
	}
	if o.inventory.file != "" && !o.inventory.suggest && o.inventory.recipe == "" {
		return fail(errors.New("--inventory.file: nothing to write into it; say --inventory.suggest or --inventory.recipe"))
	}
	known := c.inventory
	if c.from != nil {
		var err error
		if known, err = c.from.inventory(ctx, env); err != nil {
			return fail(fmt.Errorf("the inventory was not fetched: %w", err))
		}
	}
	var machines []suggest.Machine
	var unread []string
	if o.inventory.suggest || o.inventory.diff {
		views, left, err := readAll(ctx, o.stateDir, env, c.sources, notes)
		if err != nil {
			return fail(err)
		}
		var nameless map[string]int
		machines, nameless = suggest.FromViews(views, known)
		for source, n := range nameless {
			fmt.Fprintf(notes, "%s: %d jobs tell no machine or no customer and are left out\n", source, n)
		}
		if unread = left; len(unread) > 0 {
			code = 1
		}
	}
	if o.inventory.recipe != "" {
		exported, err := readRecipe(o.inventory.recipe)
		if err != nil {
			return fail(err)
		}
		if machines = suggest.Join(exported, machines); !o.inventory.suggest && !o.inventory.diff {
			machines = exported
		}
	}
	if o.inventory.diff {
		return max(code, printDiff(out, known, machines, unread))
	}
	if err := writeMachines(o.inventory.file, known, machines, out, notes); err != nil {
		return fail(err)
	}
	return code
}

// inventory fetches what the receiver serves.
func (f *inventoryFrom) inventory(ctx context.Context, env exporters.SourceOptions) (*exporters.Inventory, error) {
	s, err := f.get(ctx, env)
	if err != nil {
		return nil, err
	}
	return exporters.ParseInventory(s.Files)
}

// readAll reads each source once, without a trace: beside an exporter that runs,
// too. It gives the engines of those that could not be read.
func readAll(ctx context.Context, stateDir string, env exporters.SourceOptions, sources []instance, notes io.Writer) (views []*exporters.View, unread []string, err error) {
	scratch, err := os.MkdirTemp("", "backup_exporter-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(scratch)
	h := newManager(scratch, slog.New(slog.DiscardHandler))
	h.now = env.Now
	for _, in := range sources {
		// What the exporter knows already: the ids that it gave to customers.
		if err := copyState(filepath.Join(stateDir, in.Name+".json"), h.options(in).StateFile); err != nil {
			return nil, nil, fmt.Errorf("source %s: %w", in.Name, err)
		}
		if quiet, ok := in.source.(interface{ OnlyRead() }); ok {
			quiet.OnlyRead()
		}
		p, err := h.poller(in)
		if err != nil {
			return nil, nil, err
		}
		within, cancel := context.WithTimeout(ctx, min(time.Duration(in.Timeout), checkTime))
		err = p.Refresh(within)
		cancel()
		if c, ok := in.source.(io.Closer); ok {
			_ = c.Close()
		}
		if err != nil {
			fmt.Fprintf(notes, "%s: not read, so that its machines are missing here: %v\n", in.Name, err)
			unread = append(unread, in.engine)
			continue
		}
		views = append(views, p.View())
	}
	return views, unread, nil
}

func copyState(from, to string) error {
	for _, suffix := range []string{"", ".changes"} {
		text, err := os.ReadFile(from + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+suffix, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readRecipe(file string) ([]suggest.Machine, error) {
	root, err := readConfig(file, "--inventory.recipe", "file")
	if err != nil {
		return nil, err
	}
	var r suggest.Recipe
	if err := exporters.DecodeStrict(file, "", root, &r); err != nil {
		return nil, err
	}
	if key, what, cure := r.Check(); what != "" {
		return nil, &exporters.ConfigError{File: file, Key: key, What: what, Cure: cure}
	}
	if !filepath.IsAbs(r.File) {
		r.File = filepath.Join(filepath.Dir(file), r.File)
	}
	text, err := os.ReadFile(r.File)
	if err != nil {
		return nil, fmt.Errorf("%s: file: %w", file, err)
	}
	return r.Machines(text)
}

// printDiff says where the inventory and the sources differ; 1 if they do.
func printDiff(out io.Writer, known *exporters.Inventory, machines []suggest.Machine, unread []string) int {
	var have []fleet.Machine
	for _, m := range known.Machines() {
		f := fleet.Machine{Customer: m.Customer, Name: m.Name, Class: string(m.Class)}
		if !m.Decommissioned.IsZero() {
			continue
		}
		for i, p := range m.Plans {
			plan := fleet.Plan{Role: string(p.Role), Engine: p.Engine, Plan: p.Plan}
			if len(m.Schedules) > i && m.Schedules[i] != nil {
				plan.Kind = fleet.Kind(m.Schedules[i].Kind)
			}
			f.Plans = append(f.Plans, plan)
		}
		have = append(have, f)
	}
	all := suggest.Diff(have, machines, unread)
	for _, d := range all {
		fmt.Fprintln(out, d)
	}
	if len(all) > 0 {
		return 1
	}
	fmt.Fprintf(out, "the inventory has what the sources list: %d machines\n", len(machines))
	return 0
}

// writeMachines writes machines to a file that may be there already, or out.
func writeMachines(file string, known *exporters.Inventory, machines []suggest.Machine, out, notes io.Writer) error {
	var before []byte
	if file != "" {
		var err error
		if before, err = os.ReadFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	text, added, completed, err := suggest.Merge(before, machines)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	unclear := 0
	for _, m := range machines {
		if len(m.Notes) > 0 {
			unclear++
		}
	}
	if file == "" {
		_, err = out.Write(text)
	} else if added+completed > 0 {
		err = atomicfile.Replace(file, 0o640, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	fmt.Fprintf(notes, "%d machines: %d are new, %d were completed; %d have something to decide in the column note\n", len(machines), added, completed, unclear)
	if slices.ContainsFunc(machines, func(m suggest.Machine) bool { return len(m.Plans) > 0 }) {
		fmt.Fprintln(notes, "where copies lie no source tells: say location, medium, offsite and immutable of each plan (docs/inventory.md); until then none counts as off-site")
	}
	if customers := newCustomers(known, machines); len(customers) > 0 {
		fmt.Fprintf(notes, "the inventory needs these customers, with an account manager each in the place of FILL_IN:\ncustomers:\n%s", strings.Join(customers, ""))
	}
	return err
}

// newCustomers are lines for the section `customers` of the inventory, of those who
// have no machine in it.
func newCustomers(known *exporters.Inventory, machines []suggest.Machine) []string {
	names := map[string]string{}
	for _, m := range machines {
		names[m.Customer] = cmp.Or(names[m.Customer], m.Called)
	}
	for _, m := range known.Machines() {
		delete(names, m.Customer)
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(names)) {
		out = append(out, fmt.Sprintf("  %s: {name: %q, account_manager: FILL_IN}\n", id, cmp.Or(names[id], id)))
	}
	return out
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/exporters/inbox"
	"vigie/internal/fleet"
)

// maxConfigBytes bounds the configuration file.
const maxConfigBytes = 4 << 20

// common are the keys that every source has beside its product's own.
type common struct {
	Name             string                     `yaml:"name"`
	PollInterval     exporters.Duration         `yaml:"poll_interval"`
	Timeout          exporters.Duration         `yaml:"timeout"`
	CredentialEnds   fleet.Moment               `yaml:"credential_ends"`
	WarningIsSuccess *bool                      `yaml:"warning_is_success"`
	Machines         map[string]string          `yaml:"machines"`
	MachineClasses   map[string]exporters.Class `yaml:"machine_classes"`
}

// newCommon is what holds where a source says nothing.
func newCommon() common {
	return common{PollInterval: exporters.Duration(5 * time.Minute), Timeout: exporters.Duration(2 * time.Minute)}
}

// instance is one configured source, ready to be polled.
type instance struct {
	common
	engine string
	source exporters.Source
	// text is the source's part of the file: as long as it does not change
	// the running poller stays.
	text string
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// configuration is what the file says.
type configuration struct {
	sources   []instance
	inventory *exporters.Inventory // nil if none is named
	from      *inventoryFrom       // where it is fetched; nil for files
}

// faults are what a start goes on without, and a person has to mend.
func (c configuration) faults() error {
	var out []error
	for _, in := range c.sources {
		if f, ok := in.source.(exporters.Faulty); ok {
			out = append(out, f.Faults()...)
		}
	}
	return errors.Join(out...)
}

// topLevel is the file itself.
type topLevel struct {
	Inventory     []string       `yaml:"inventory"`
	InventoryFrom *inventoryFrom `yaml:"inventory_from"`
	Sources       []yaml.Node    `yaml:"sources"`
}

// loadConfig reads the whole file, and the inventory that it names, or says
// what is wrong.
func loadConfig(file string, table map[string]opener, o exporters.SourceOptions) (configuration, error) {
	var top topLevel
	root, err := readConfig(file, "--config.file", "sources")
	if err != nil {
		return configuration{}, err
	}
	if err := exporters.DecodeStrict(file, "", root, &top); err != nil {
		return configuration{}, err
	}
	if len(top.Sources) == 0 {
		return configuration{}, &exporters.ConfigError{File: file, Line: 1, Key: "sources", What: "no source", Cure: "list at least one"}
	}
	var c configuration
	var unsound error
	c.sources, unsound = loadSources(file, top.Sources, table, o)
	if c.from = top.InventoryFrom; c.from != nil {
		if len(top.Inventory) > 0 {
			return configuration{}, &exporters.ConfigError{File: file, Line: exporters.LineOf(root, "inventory_from"), Key: "inventory_from", What: "given together with inventory", Cure: "keep one of them"}
		}
		if err := c.from.Validate(filepath.Dir(file)); err != nil {
			return configuration{}, locateAt(err, file, "inventory_from", root)
		}
	}
	if len(top.Inventory) > 0 {
		for i, name := range top.Inventory {
			if !filepath.IsAbs(name) {
				top.Inventory[i] = filepath.Join(filepath.Dir(file), name)
			}
		}
		if c.inventory, err = exporters.LoadInventory(top.Inventory); err != nil {
			unsound = errors.Join(unsound, err)
		}
	}
	if unsound != nil {
		return configuration{}, unsound
	}
	return c, nil
}

// readConfig gives the file's one mapping.
func readConfig(file, flag, first string) (*yaml.Node, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%w; name the file with %s", err, flag)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("%s: longer than %d bytes", file, maxConfigBytes)
	}
	return exporters.Mapping(file, data, "the key "+first)
}

func loadSources(file string, nodes []yaml.Node, table map[string]opener, o exporters.SourceOptions) ([]instance, error) {
	var out []instance
	var faults []error
	for i := range nodes {
		path := fmt.Sprintf("sources[%d]", i)
		in, err := loadInstance(file, path, &nodes[i], table, o)
		switch what, cure := sharesMails(out, in); {
		case err != nil:
			faults = append(faults, err)
		case slices.ContainsFunc(out, func(other instance) bool { return other.Name == in.Name }):
			faults = append(faults, &exporters.ConfigError{File: file, Line: nodes[i].Line, Key: path + ".name",
				What: fmt.Sprintf("a second source is called %q", in.Name), Cure: "give each source a name of its own"})
		case what != "":
			faults = append(faults, &exporters.ConfigError{File: file, Line: nodes[i].Line, Key: path + ".inbox", What: what, Cure: cure})
		default:
			out = append(out, in)
		}
	}
	return out, errors.Join(faults...)
}

// sharesMails refuses what two sources of mails cannot have in common: each
// would miss what the other moved, or be kept out of the folder.
func sharesMails(others []instance, in instance) (what, cure string) {
	s, ok := in.source.(*inbox.Source)
	if !ok {
		return "", ""
	}
	for _, other := range others {
		switch o, ok := other.source.(*inbox.Source); {
		case !ok:
		case s.Mailbox() != "" && s.Mailbox() == o.Mailbox():
			return fmt.Sprintf("the mailbox is read by the source %s already, and each would miss the mails that the other takes", other.Name), "make one source of the two, with the rules of both, or read another folder"
		case filepath.Clean(s.Folder()) == filepath.Clean(o.Folder()):
			return "the folder belongs to the source " + other.Name, "give each source a folder of its own"
		}
	}
	return "", ""
}

func loadInstance(file, path string, node *yaml.Node, table map[string]opener, o exporters.SourceOptions) (instance, error) {
	bad := func(line int, key, what, cure string) (instance, error) {
		return instance{}, &exporters.ConfigError{File: file, Line: line, Key: key, What: what, Cure: cure}
	}
	if node.Kind != yaml.MappingNode {
		return bad(node.Line, path, "not a mapping", "write name and one product, for example acronis")
	}
	products := make([]string, 0, len(table))
	for name := range table {
		products = append(products, name)
	}
	slices.Sort(products)
	shared := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: node.Line, Column: node.Column}
	var engine string
	var settings *yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if table[key.Value] == nil {
			shared.Content = append(shared.Content, key, value)
			continue
		}
		if settings != nil {
			return bad(key.Line, path+"."+key.Value, "a second product in one source", "make it a source of its own")
		}
		engine, settings = key.Value, value
	}
	in := instance{engine: engine, common: newCommon()}
	if err := exporters.DecodeStrict(file, path, &shared, &in.common); err != nil {
		var ce *exporters.ConfigError
		if errors.As(err, &ce) && ce.What == "unknown key" {
			ce.Cure += "; products are " + strings.Join(products, ", ")
		}
		return instance{}, err
	}
	switch {
	case !sourceName.MatchString(in.Name):
		return bad(node.Line, path+".name", fmt.Sprintf("%q is no name for a source", in.Name), "use letters, digits, dots, dashes, at most 64")
	case settings == nil:
		return bad(node.Line, path, "no product", "add one of "+strings.Join(products, ", "))
	case settings.Kind != yaml.MappingNode:
		return bad(settings.Line, path+"."+engine, "not a mapping", "write the product's settings below it")
	case in.PollInterval < exporters.Duration(time.Second):
		return bad(exporters.LineOf(node, "poll_interval"), path+".poll_interval", "shorter than a second", "write for example 5m")
	case in.Timeout < exporters.Duration(time.Second):
		return bad(exporters.LineOf(node, "timeout"), path+".timeout", "shorter than a second", "write for example 2m")
	}
	for name, class := range in.MachineClasses {
		if err := (exporters.Intervals{class: exporters.Duration(time.Second)}).Check("machine_classes." + name); err != nil {
			return instance{}, locate(err, file, path, node)
		}
	}
	text, err := yaml.Marshal(node)
	if err != nil {
		return instance{}, fmt.Errorf("%s: %s: %w", file, path, err)
	}
	in.text = string(text)
	in.source, err = table[engine](file, path+"."+engine, filepath.Dir(file), settings, o)
	if f, ok := in.source.(exporters.Fingerprinter); ok {
		in.text += "\n# " + f.Fingerprint()
	}
	return in, err
}

// locateAt is locate for a section of the file.
func locateAt(err error, file, key string, root *yaml.Node) error {
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return locate(err, file, key, root.Content[i+1])
		}
	}
	return err
}

// locate completes an error of a source's validation with file, line and path.
func locate(err error, file, path string, node *yaml.Node) error {
	var ce *exporters.ConfigError
	if !errors.As(err, &ce) {
		return &exporters.ConfigError{File: file, Line: node.Line, Key: path, What: err.Error()}
	}
	if ce.File != "" {
		return err // of another file that this one names
	}
	out := *ce
	out.File = file
	if out.Line == 0 {
		out.Line = exporters.LineOf(node, ce.Key)
	}
	if out.Line == 0 {
		out.Line = node.Line
	}
	out.Key = path + "." + ce.Key
	return &out
}

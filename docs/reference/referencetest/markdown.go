package referencetest

import (
	"fmt"
	"strings"

	"vigie/docs/reference"
)

// Names are the kinds of configuration, in the order of the reference.
func Names() []string { return []string{"vigie", "policy", "inventory", "backup_exporter"} }

// Markdown is a configuration's reference as a table: each key once, with its
// default or an example.
func Markdown(name string) (string, error) {
	text := reference.File(name)
	keys, err := Keys(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	title := map[string]string{"vigie": "vigie.yml", "policy": "A policy", "inventory": "The inventory", "backup_exporter": "backup_exporter.yml"}[name]
	fmt.Fprintf(&b, "# %s: every key\n\n", title)
	fmt.Fprintf(&b, "Made of [%s.yml](%s.yml), which is read as it stands there, by `go test ./docs/reference -update`.\n\n", name, name)
	intro, _, _ := strings.Cut(string(text), "\n\n")
	for line := range strings.Lines(intro) {
		b.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
	}
	b.WriteString("\n\n| key | default or example | meaning |\n|---|---|---|\n")
	seen := map[string]bool{}
	for _, k := range keys {
		if k.Text == "" && k.Value == "" && k.Standing == Example || seen[k.Path] {
			continue
		}
		seen[k.Path] = true
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Path, standing(k), cell(k.Text))
	}
	return b.String(), nil
}

func standing(k Key) string {
	value := k.Value
	if value != "" {
		value = "`" + cell(value) + "`"
	}
	switch k.Standing {
	case Required:
		return strings.TrimSpace("**required** " + value)
	case Default:
		return value
	}
	if value == "" {
		return ""
	}
	return "e.g. " + value
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

package policy

import (
	_ "embed"
	"fmt"
	"slices"

	"vigie/internal/strict"
)

//go:embed defaults.yml
var defaultsText []byte

// Named are the roles that mails name: whom the words about an account manager,
// the queue of written traces, the lead of the backups and the customer's contact
// speak of.
type Named struct {
	AccountManager string `yaml:"account_manager"`
	TraceQueue     string `yaml:"trace_queue"`
	BackupLead     string `yaml:"backup_lead"`
	Contact        string `yaml:"contact"`
}

// defaults is what holds where a policy says nothing.
type defaults struct {
	Language string `yaml:"language"`
	Named    Named  `yaml:"named_in_mails"`
	Causes   map[string]struct {
		Platforms int `yaml:"platforms"`
	} `yaml:"causes"`
	Guarantees map[string]struct {
		Intervention bool `yaml:"intervention"`
	} `yaml:"guarantees"`
}

func readDefaults() (defaults, error) {
	var d defaults
	err := strict.Decode("defaults.yml", defaultsText, &d)
	return d, err
}

// namedInMails takes over the roles that mails name, and refuses those that there are not.
func (d policyDoc) namedInMails(l *loader) {
	for _, n := range []struct {
		key, role string
		to        *string
	}{
		{"account_manager", d.Named.AccountManager, &l.policy.Named.AccountManager},
		{"trace_queue", d.Named.TraceQueue, &l.policy.Named.TraceQueue},
		{"backup_lead", d.Named.BackupLead, &l.policy.Named.BackupLead},
		{"contact", d.Named.Contact, &l.policy.Named.Contact},
	} {
		if n.role != "" {
			l.roles(d.Position, "named_in_mails."+n.key, []string{n.role})
			*n.to = n.role
		}
	}
}

// CheckLanguage refuses a language that there is no folder for.
func (p *Policy) CheckLanguage(known []string) error {
	if slices.Contains(known, p.Language) {
		return nil
	}
	return strict.Faults{{Position: p.position(), Path: "language", What: strict.Unknown("language", p.Language, known)}}
}

// unreadable is the fault of defaults that the program itself brings.
func unreadable(err error) strict.Fault {
	return strict.Fault{Position: strict.Position{File: "defaults.yml", Line: 1}, What: fmt.Sprintf("the program's own defaults cannot be read: %v", err)}
}

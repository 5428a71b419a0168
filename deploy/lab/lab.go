// Package lab holds the configuration that vigie-lab gives to the programs it
// starts. policy.yml beside it, what the lab's policy differs in from the
// example's, is read from the folder itself at each start, so that it can be
// changed and tried.
package lab

import "embed"

// Templates are the configuration files, to be filled in by text/template.
//
//go:embed *.tmpl
var Templates embed.FS

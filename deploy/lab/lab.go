// Package lab holds the configuration that vigie-lab gives to the programs it
// starts. The policy beside it is read from the folder itself, so that it can
// be changed and tried.
package lab

import "embed"

// Templates are the configuration files, to be filled in by text/template.
//
//go:embed *.tmpl
var Templates embed.FS

// Package reference holds each kind of configuration written out with every key
// that it may have, what the key means, and what holds without it. Tests of the
// programs hold it against what they read, by [vigie/docs/reference/referencetest]:
// a key that is missing, or a default that is not the true one, fails.
package reference

import "embed"

//go:embed *.yml
var files embed.FS

// File is one of them as a file that can be read, with its comments.
func File(name string) []byte {
	text, err := files.ReadFile(name + ".yml")
	if err != nil {
		panic(err) // the names are constants
	}
	return text
}

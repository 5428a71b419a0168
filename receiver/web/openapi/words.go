package openapi

import (
	_ "embed"
	"encoding/json"
)

// source is what the comments of the types say, and their constants: made of the
// code by a test, since a program does not carry them.
//
//go:embed words.json
var source []byte

// Told is what is told of types beside what a program knows of them.
type Told struct {
	// Words are comments by "package.Type" and "package.Type.Field".
	Words map[string]string `json:"words"`
	// Enums are the constants of a type of texts, by "package.Type".
	Enums map[string][]string `json:"enums"`
}

// Words returns what the comments say, and the values of types of texts.
func Words() (words map[string]string, enums map[string][]string) {
	var t Told
	if err := json.Unmarshal(source, &t); err != nil {
		panic(err) // it is compiled in
	}
	return t.Words, t.Enums
}

// Package exampletest loads the shipped examples, for tests that play with them.
package exampletest

import (
	"os"
	"path/filepath"
	"testing"

	"vigie/internal/checkout"
	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/inventory"
)

// Path is where an example lies.
func Path(t testing.TB, example string) string {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "deploy", "examples", example)
}

// Files are those of an example that a pattern names; there must be some.
func Files(t testing.TB, example, pattern string) []strict.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Path(t, example), pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no %s: %v", example, pattern, err)
	}
	var files []strict.File
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, strict.File{Name: p, Text: text})
	}
	return files
}

// Inventory is the inventory of an example.
func Inventory(t testing.TB, example string) *inventory.Directory {
	t.Helper()
	dir, err := inventory.Load(Files(t, example, "inventory/*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Book is the policy and inventory that an example ships.
func Book(t testing.TB, example string) *rules.Book {
	t.Helper()
	return BookOf(t, example, Inventory(t, example))
}

// BookOf is the policy of an example with another inventory.
func BookOf(t testing.TB, example string, dir *inventory.Directory) *rules.Book {
	t.Helper()
	policies, err := rules.LoadPolicies(Files(t, example, "policy/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	book, err := rules.NewBook(dir, policies...)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

package rules

import (
	"vigie/internal/strict"
	"vigie/rules/book"
	"vigie/rules/classify"
	"vigie/rules/inventory"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// LoadPolicies reads policy files, see [policy.Load].
func LoadPolicies(files []strict.File) ([]*policy.Policy, error) {
	return policy.Load(files, situation.Vocabulary())
}

// Book is what decisions are made from: policies and directory, see [book.Book],
// with what they make of signals.
type Book struct{ classify.Classifier }

// NewBook joins policies and directory, see [book.New].
func NewBook(dir *inventory.Directory, policies ...*policy.Policy) (*Book, error) {
	b, err := book.New(dir, policies...)
	if err != nil {
		return nil, err
	}
	return &Book{classify.Classifier{Book: b}}, nil
}

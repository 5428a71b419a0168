#!/usr/bin/env bash
# yaml.Marshal writes a list that yaml.Unmarshal refuses when an item is a text of several
# lines whose first one is indented, as what a program printed often is: "did not find expected
# '-' indicator". The same text as the value of a key is read back as it was.
#
# Such a text needs a number that says how far the block is indented (|4-). In a list the lines
# are written two columns less deep than that number says. The error names a line of the file
# and comes on the day on which it is read; Marshal returned none, and whatever was written
# beside the item cannot be read either. A single line behind an empty one comes back without
# an error and without what stood before it: "\n  x" is "x", and "  x" as the value of a key.
#
# Who keeps a state or remarks in YAML should read back what it wrote before it replaces the
# file, or write JSON, which is YAML too.
#
# Seen with gopkg.in/yaml.v3 v3.0.1, the last there is, and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v3.0.1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

func there[T any](what string, v T, text func(T) string) {
	out, err := yaml.Marshal(v)
	if err != nil {
		panic(err)
	}
	var back T
	if err := yaml.Unmarshal(out, &back); err != nil {
		fmt.Printf("%s: %q is written as %q, %v\n", what, text(v), out, err)
		return
	}
	fmt.Printf("%s: %q is read back as %q\n", what, text(v), text(back))
}

func main() {
	item := func(l []string) string { return l[0] }
	value := func(m map[string]string) string { return m["k"] }
	const log = "  2 files not read\nexit 1"
	there("value", map[string]string{"k": log}, value)
	there("item", []string{log}, item)
	there("item, not indented", []string{"2 files not read\nexit 1"}, item)
	there("value behind an empty line", map[string]string{"k": "\n  x"}, value)
	there("item behind an empty line", []string{"\n  x"}, item)
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "gopkg.in/yaml.v3@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "yaml.v3 $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'value: "  2 files not read\nexit 1" is read back as "  2 files not read\nexit 1"
item: "  2 files not read\nexit 1" is written as "- |4-\n    2 files not read\n  exit 1\n", yaml: line 2: did not find expected '"'-'"' indicator
item, not indented: "2 files not read\nexit 1" is read back as "2 files not read\nexit 1"
value behind an empty line: "\n  x" is read back as "  x"
item behind an empty line: "\n  x" is read back as "x"'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  exit 1
fi

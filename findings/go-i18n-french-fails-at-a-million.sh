#!/usr/bin/env bash
# A French message that has its singular (one) and its plural (other) is said without
# fault for 0, 1, 2 and 999,999 files, and ends in an error at exactly 1,000,000, at
# 2,000,000 and at every whole million: message "m" has no plural form "many".
#
# Since CLDR 38 French (as Spanish, Italian and Portuguese) has a third form for whole
# millions ("un million DE fichiers"), and go-i18n asks for it without falling back to
# other. English has no such form, so that the same catalogue passes each test in English,
# and a French one with any number that people try. golang.org/x/text/feature/plural,
# whose tables are older, does not know the form and says other.
#
# A count of saved files or an amount in bytes meets a whole million some night. With the
# error handled as usual the report about that backup is not written.
#
# Seen with github.com/nicksnyder/go-i18n/v2 v2.7.0, golang.org/x/text v0.43.0 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v2.7.0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

func main() {
	b := i18n.NewBundle(language.English)
	b.MustAddMessages(language.English, &i18n.Message{ID: "m", One: "{{.PluralCount}} file", Other: "{{.PluralCount}} files"})
	b.MustAddMessages(language.French, &i18n.Message{ID: "m", One: "{{.PluralCount}} fichier", Other: "{{.PluralCount}} fichiers"})
	forms := map[plural.Form]string{plural.One: "one", plural.Many: "many", plural.Other: "other"}
	for _, n := range []int{0, 999999, 1000000, 1000001, 2000000} {
		for _, tag := range []language.Tag{language.English, language.French} {
			text, err := i18n.NewLocalizer(b, tag.String()).Localize(&i18n.LocalizeConfig{MessageID: "m", PluralCount: n})
			if err != nil {
				text = err.Error()
			}
			fmt.Printf("%v %d: %s (x/text: %s)\n", tag, n, text, forms[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)])
		}
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/nicksnyder/go-i18n/v2@$version" golang.org/x/text@v0.43.0) >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-i18n $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'en 0: 0 files (x/text: other)
fr 0: 0 fichier (x/text: one)
en 999999: 999999 files (x/text: other)
fr 999999: 999999 fichiers (x/text: other)
en 1000000: 1000000 files (x/text: other)
fr 1000000: message "m" has no plural form "many" (x/text: other)
en 1000001: 1000001 files (x/text: other)
fr 1000001: 1000001 fichiers (x/text: other)
en 2000000: 2000000 files (x/text: other)
fr 2000000: message "m" has no plural form "many" (x/text: other)'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi

package fleet

import (
	"fmt"
	"path"
	"strings"
)

// wild are the characters that stand for others in an alias: any number of them, and
// exactly one. Brackets stand for themselves, since names of machines hold them.
const wild = "*?"

// IsPattern tells an alias that stands for many names, such as backup-* or pc-0?, from
// one that is a name.
func IsPattern(alias string) bool { return strings.ContainsAny(alias, wild) }

// CheckPattern gives what of a pattern cannot be, and how to mend it. Stars
// alone would take in the machines of all the others.
func CheckPattern(alias string) (what, cure string) {
	name := alias
	if source, rest, ok := strings.Cut(alias, ":"); ok {
		if IsPattern(source) {
			return fmt.Sprintf("%q has a star or a question mark before the colon", alias), "write the source's name as it is, such as restic-dupont:backup-*"
		}
		name = rest
	}
	if _, err := path.Match(escaped(alias), ""); err != nil || strings.Trim(name, wild) == "" && name == alias {
		return fmt.Sprintf("%q would take any name of the customer", alias), "put the source in front, such as restic-dupont:*, or write more of the name, such as backup-*"
	}
	return "", ""
}

// escaped has only the wild characters mean something.
func escaped(pattern string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(pattern)
}

// Patterns find machines M by aliases that stand for many names, without regard
// to case. The zero value holds none.
type Patterns[M comparable] struct{ of map[string][]pattern[M] }

type pattern[M comparable] struct {
	text    string // folded
	machine M
}

// Add takes an alias of a customer's machine, if it is a pattern.
func (p *Patterns[M]) Add(customer, alias string, machine M) {
	if !IsPattern(alias) {
		return
	}
	if p.of == nil {
		p.of = map[string][]pattern[M]{}
	}
	p.of[customer] = append(p.of[customer], pattern[M]{escaped(Fold(alias)), machine})
}

// Find gives the only machine that a pattern gives the name to. Two machines for
// one name are none: nobody can say which.
func (p *Patterns[M]) Find(customer string, names ...string) (found M, ok bool) {
	for _, one := range p.of[customer] {
		for _, name := range names {
			// A name may hold slashes, over which a star of path.Match does not go.
			hit, _ := path.Match(strings.ReplaceAll(one.text, "/", "\x00"), strings.ReplaceAll(Fold(name), "/", "\x00"))
			if !hit {
				continue
			}
			if ok && found != one.machine {
				var none M
				return none, false
			}
			found, ok = one.machine, true
		}
	}
	return found, ok
}

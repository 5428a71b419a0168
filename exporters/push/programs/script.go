package programs

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var (
	given   = regexp.MustCompile(`^-[a-zA-Z]*c$|^--command$`) // the option in front of a script
	escaped = regexp.MustCompile(`\\(.)`)
	system  = regexp.MustCompile(`^(/usr)?/s?bin/`)
	// quiet are commands that call no backup, whatever stands behind them.
	quiet = regexp.MustCompile(`^(:|\[|awk|break|cat|cd|chmod|chown|continue|cp|curl|cut|date|df|disown|du|echo|egrep|exit|false|getopts|grep|gzip|head|hostname|id|jobs|jq|kill|ln|logger|ls|mail|mariadb-dump|mkdir|mktemp|mount|mountpoint|msmtp|mv|mysqldump|pg_dump|pg_dumpall|pgrep|ping|printf|ps|pwd|read|return|rm|rmdir|sed|set|shift|shopt|sleep|sort|stat|sync|tail|tee|test|touch|tr|trap|true|ulimit|umask|umount|uname|uniq|unset|wait|wc|wget|which|whoami|xz|zstd)$`)
	// copies are those among them that are the backup where no program is named.
	copies = regexp.MustCompile(`^(cat|cp|gzip|mariadb-dump|mv|mysqldump|pg_dump|pg_dumpall|xz|zstd)$`)
)

// takesScript tells shells, and others that hand a script to one.
func takesScript(word string) bool {
	return IsShell(word) || slices.Contains([]string{"su", "runuser", "flock"}, base(word))
}

// scriptOf finds the script that a command hands to a shell in one word, as for
// sh -c or ssh; empty if there is none.
func scriptOf(words []string) string {
	if len(words) > 0 && words[0] == "eval" {
		return strings.Join(words[1:], " ")
	}
	under := ""
	for i, word := range words {
		switch name := base(word); {
		case takesScript(name) || name == "ssh":
			under = name
		case under == "ssh" && strings.Contains(word, " ") && !strings.HasPrefix(words[i-1], "-"):
			return strings.Join(words[i:], " ")
		case under != "" && under != "ssh" && given.MatchString(word) && i+1 < len(words):
			return words[i+1]
		}
	}
	return ""
}

// shellOptions are those of a shell that is given a script in one word.
func shellOptions(words []string) []string {
	at := slices.IndexFunc(words, takesScript)
	options := words[at+1:]
	if end := slices.IndexFunc(options, given.MatchString); at >= 0 && end >= 0 {
		return options[:end+1]
	}
	return nil
}

// inScript finds out what a script calls the program for. Where none of its calls
// saves, and no other command may be a script that does, its success is none; its
// failure may be that of any command and is told. Whatever cannot be read may save.
func (p *Program) inScript(text string) (call, string) {
	commands, readable := simpleCommands(text)
	if !readable {
		return callSaves, ""
	}
	said := ""
	for _, words := range commands {
		if script := scriptOf(words); script != "" {
			kind, why := p.inScript(script)
			if kind == callSaves {
				return callSaves, ""
			}
			said = why
			continue
		}
		if _, calls := p.front(words); !calls {
			if p.mayHide(words) {
				return callSaves, ""
			}
			continue
		}
		own, named := p.called(words)
		kind, why := p.Calls.of(p.Name, own, named)
		if kind == callSaves {
			return callSaves, ""
		}
		said = why
	}
	if said == "" {
		return callSaves, ""
	}
	return callTends, said
}

// mayHide tells whether a command may call the program where nobody sees it, as a
// script of the user's may, or a program that runs others.
func (p *Program) mayHide(words []string) bool {
	for len(words) > 1 && HandsOn(words[0]) {
		words = words[1:]
		for len(words) > 1 && strings.HasPrefix(words[0], "-") {
			words = words[1:]
		}
	}
	name := system.ReplaceAllString(words[0], "")
	if name == "find" {
		at := slices.IndexFunc(words, asks.MatchString)
		return at >= 0 && at+1 < len(words) && p.mayHide(words[at+1:])
	}
	return !quiet.MatchString(name) || p.unnamed && copies.MatchString(name)
}

// simpleCommands takes a script apart into its commands, without quotes, assignments
// and redirections; those of a substitution are among them. What a variable or a
// substitution gives is not known, and stands as a dollar.
func simpleCommands(text string) (commands [][]string, readable bool) {
	script, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, false
	}
	syntax.Walk(script, func(n syntax.Node) bool {
		if called, ok := n.(*syntax.CallExpr); ok && len(called.Args) > 0 {
			var words []string
			for _, w := range called.Args {
				words = append(words, plain(w.Parts))
			}
			if words[0] == "exec" && len(words) > 1 {
				words = words[1:]
			}
			commands = append(commands, words)
		}
		return true
	})
	return commands, true
}

// plain is a word as the command gets it.
func plain(parts []syntax.WordPart) string {
	var out strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			out.WriteString(escaped.ReplaceAllString(part.Value, "$1"))
		case *syntax.SglQuoted:
			out.WriteString(part.Value)
		case *syntax.DblQuoted:
			out.WriteString(plain(part.Parts))
		default:
			out.WriteString("$")
		}
	}
	return out.String()
}

package programs

import (
	"regexp"
	"slices"
	"strings"
)

var (
	shell   = regexp.MustCompile(`^(sh|bash|dash|ash|ksh|zsh|su|runuser|flock)$`)
	given   = regexp.MustCompile(`^-[a-zA-Z]*c$|^--command$`) // the option in front of a script
	keyword = regexp.MustCompile(`^(if|then|elif|else|while|until|do|time|exec|!|\{|[A-Za-z_]\w*=.*)$`)
	system  = regexp.MustCompile(`^(/usr)?/s?bin/`)
	// quiet are commands that call no backup, whatever stands behind them.
	quiet = regexp.MustCompile(`^(:|\[\[?|\]\]?|awk|break|case|cat|cd|chmod|chown|continue|cp|curl|cut|date|df|done|du|echo|egrep|esac|exit|export|false|fi|for|getopts|grep|gzip|head|hostname|id|jq|kill|ln|local|logger|ls|mail|mariadb-dump|mkdir|mktemp|mount|mountpoint|msmtp|mv|mysqldump|pg_dump|pg_dumpall|pgrep|ping|printf|ps|pwd|read|readonly|return|rm|rmdir|sed|set|shift|shopt|sleep|sort|stat|sync|tail|tee|test|touch|tr|trap|true|ulimit|umask|umount|uname|uniq|unset|wait|wc|wget|which|whoami|xz|zstd|\})$`)
)

// scriptOf finds the script that a command hands to a shell in one word, as for
// sh -c or ssh; empty if there is none.
func scriptOf(words []string) string {
	under := ""
	for i, word := range words {
		switch name := base(word); {
		case shell.MatchString(name) || name == "ssh":
			under = name
		case under == "ssh" && strings.Contains(word, " ") && !strings.HasPrefix(words[i-1], "-"):
			return strings.Join(words[i:], " ")
		case under != "" && under != "ssh" && given.MatchString(word) && i+1 < len(words):
			return words[i+1]
		}
	}
	return ""
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
	for len(words) > 1 && handsOn(words[0]) {
		words = words[1:]
		for len(words) > 1 && strings.HasPrefix(words[0], "-") {
			words = words[1:]
		}
	}
	return !quiet.MatchString(system.ReplaceAllString(words[0], ""))
}

// simpleCommands takes a script apart into its commands, without quotes, assignments
// and redirections; those of a substitution are among them. What a variable holds is
// not known. It does not read here-documents.
func simpleCommands(text string) (commands [][]string, readable bool) {
	s := scanner{rest: text}
	for s.rest != "" && !s.unread {
		s.next()
	}
	s.endCommand()
	return s.commands, !s.unread
}

type scanner struct {
	rest     string
	word     strings.Builder
	begun    bool // the word, which may be empty in quotes
	target   bool // the next word is a file to read or to write
	words    []string
	commands [][]string
	unread   bool
}

func (s *scanner) next() {
	c := s.rest[0]
	s.rest = s.rest[1:]
	switch c {
	case ' ', '\t', '\r':
		s.endWord()
	case '\n', ';', '|', '(', ')', '&':
		s.endCommand()
	case '<', '>':
		s.redirect(c)
	case '#':
		if s.begun {
			s.add("#")
			return
		}
		_, s.rest, _ = strings.Cut(s.rest, "\n")
		s.endCommand()
	case '\'':
		s.add(s.until("'"))
	case '"':
		s.begun = true
		for !s.unread && !strings.HasPrefix(s.rest, `"`) {
			s.expand()
		}
		s.until(`"`)
	default:
		s.rest = string(c) + s.rest
		s.expand()
	}
}

func (s *scanner) add(text string) {
	s.begun = true
	s.word.WriteString(text)
}

// until takes what stands before an end that has to come.
func (s *scanner) until(end string) string {
	text, rest, found := strings.Cut(s.rest, end)
	s.rest, s.unread = rest, s.unread || !found
	return text
}

// expand takes one character, or what a substitution calls.
func (s *scanner) expand() {
	switch {
	case s.rest == "":
		s.unread = true
	case strings.HasPrefix(s.rest, "\\\n"):
		s.rest = s.rest[2:]
	case s.rest[0] == '\\' && len(s.rest) > 1:
		s.add(s.rest[1:2])
		s.rest = s.rest[2:]
	case s.rest[0] == '`':
		s.rest = s.rest[1:]
		s.substitute(s.until("`"))
	case strings.HasPrefix(s.rest, "$("):
		depth, end := 0, -1
		for i, c := range s.rest {
			if c == '(' {
				depth++
			} else if c == ')' {
				if depth--; depth == 0 {
					end = i
					break
				}
			}
		}
		if end < 0 {
			s.unread = true
			return
		}
		inner := s.rest[2:end]
		s.rest = s.rest[end+1:]
		s.substitute(inner)
	default:
		s.add(s.rest[:1])
		s.rest = s.rest[1:]
	}
}

func (s *scanner) substitute(text string) {
	commands, readable := simpleCommands(text)
	s.commands = append(s.commands, commands...)
	s.unread = s.unread || !readable
	s.add("$()")
}

func (s *scanner) redirect(c byte) {
	if c == '<' && strings.HasPrefix(s.rest, "<") {
		s.unread = true
	}
	if strings.Trim(s.word.String(), "0123456789") == "" {
		s.word.Reset() // the number of the stream
		s.begun = false
	}
	s.endWord()
	s.rest = strings.TrimLeft(s.rest, ">&|")
	s.target = true
}

func (s *scanner) endWord() {
	if !s.begun {
		return
	}
	word := s.word.String()
	if !s.target && (len(s.words) > 0 || !keyword.MatchString(word)) {
		s.words = append(s.words, word)
	}
	s.word.Reset()
	s.begun, s.target = false, false
}

func (s *scanner) endCommand() {
	s.endWord()
	if s.target = false; len(s.words) > 0 {
		s.commands = append(s.commands, slices.Clone(s.words))
	}
	s.words = nil
}

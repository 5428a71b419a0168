package programs

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What commands are to one who plays a script: those that do something, which goes well, and
// those that may look at what was done. Of all others nobody knows what they end with.
var (
	does  = regexp.MustCompile(`^(:|true|\.|source|exec|read|eval|command|pushd|popd|alias|basename|dirname|nproc|seq|echo|printf|logger|mailx?|sendmail|msmtp|mutt|apprise|dunstify|gotify|notify-send|ntfy|telegram-send|wall|date|sleep|touch|curl|wget|cd|mkdir|rm|rmdir|mv|cp|ln|chmod|chown|cat|tee|gzip|pigz|bzip2|xz|zstd|zip|7z|tar|gpg|openssl|split|sha256sum|md5sum|mount|umount|sync|kill|set|shift|shopt|trap|umask|ulimit|unset|export|rsync|rclone|restic|borg|aws|s3cmd|mysqldump|mariadb-dump|pg_dump|pg_dumpall|mysql|psql|docker|systemctl|service|hostname|find|ssh|scp|head|tail|sort|cut|wait|lvremove|lvcreate|zfs|btrfs)$`)
	looks = regexp.MustCompile(`^(\[|test|[efz]?grep|diff|cmp|stat|awk|jq|mountpoint|gunzip|pg_restore)$`)
)

// ordinary tells the commands that go well; where somebody asks for their code it
// may be for the sake of what they look at.
func (in *interpreter) ordinary(name string, tested bool) bool {
	name = base(name)
	return does.MatchString(name) || HandsOn(name) || name == base(plain(in.at.Args[0].Parts)) || !tested && quiet.MatchString(name) && !looks.MatchString(name)
}

func (in *interpreter) call(cmd *syntax.CallExpr, s state, tested bool) []state {
	if len(cmd.Args) == 0 {
		return in.each(in.substituted(cmd, s.ended(good)), func(after state) []state {
			s := s
			s.failed, s.told = after.failed, after.told
			return []state{in.assigned(cmd.Assigns, s).ended(after.last)}
		})
	}
	return in.each(in.substituted(cmd, s), func(after state) []state {
		after.last, after.idle, after.pipe = s.last, s.idle, s.pipe // until it has read them
		return in.simple(cmd, after, tested)
	})
}

func (in *interpreter) simple(cmd *syntax.CallExpr, s state, tested bool) []state {
	args := make([]value, 0, len(cmd.Args))
	for _, word := range cmd.Args {
		for _, part := range word.Parts { // : $((n += 1))
			if sum, ok := part.(*syntax.ArithmExp); ok {
				_, s = in.reckon(sum.X, s)
			}
		}
		args = append(args, in.value(word, s))
	}
	s.told = s.told || s.failed && slices.Contains(in.shows, cmd)
	name := plain(cmd.Args[0].Parts)
	execs := name == "exec" && len(args) > 1
	at := cmd
	if allParams(cmd.Args[0]) && s.frame != nil {
		at = s.frame.site
	}
	body := in.functions[name]
	if s.failed && in.branches > 0 && (at == in.at || slices.Equal(written(cmd), written(in.at))) {
		in.astray = true // it tries again
	}
	switch {
	case body != nil:
		return in.function(cmd, body, args[1:], s, tested)
	case at == in.at:
		if in.once && s.failed {
			s = s.ended(good)
		} else {
			s.failed = true
			s = s.ended(bad)
		}
		if execs {
			s.flow = leavesScript
		}
		return []state{s}
	}
	return []state{in.builtin(name, args, cmd, s, tested)}
}

// written is a command as it stands there.
func written(cmd *syntax.CallExpr) (words []string) {
	for _, word := range cmd.Args {
		words = append(words, plain(word.Parts))
	}
	return words
}

func (in *interpreter) builtin(name string, args []value, cmd *syntax.CallExpr, s state, tested bool) state {
	switch name {
	case "exit", "return":
		s.flow = leavesScript
		if name == "return" {
			s.flow = leavesFunction
		}
		switch {
		case len(args) > 1:
			s = s.ended(args[1].code())
		case name == "exit" && s.leaving != 0:
			s = s.ended(s.leaving)
		}
		return s
	case "break":
		s.flow = leavesLoop
		return s
	case "continue":
		s.flow = nextTurn
		return s
	case "false":
		return s.ended(bad)
	case "test", "[":
		return s.judged(words(args[1:]))
	case "wait":
		switch {
		case len(args) < 2 || s.job == 0:
		case latest(cmd.Args[1]):
			return s.ended(s.job)
		default:
			return s.ended(s.jobs)
		}
	case "kill":
		in.astray = in.astray || s.failed && slices.ContainsFunc(args, func(v value) bool { return v.text == itself })
	case "read", "readarray", "mapfile", "printf":
		for _, v := range args[1:] {
			if _, is := s.vars[v.text]; is {
				s = s.set(v.text, value{looked: true})
			}
		}
	case "shift":
		if s.frame != nil && len(s.frame.params) > 0 {
			s.frame = &frame{site: s.frame.site, params: s.frame.params[1:], depth: s.frame.depth}
		}
	case "set":
		for _, word := range cmd.Args[1:] {
			s.errexit, s.pipefail = options(plain(word.Parts), s.errexit, s.pipefail, cmd)
		}
	case "trap":
		for _, word := range cmd.Args[min(2, len(cmd.Args)):] {
			switch plain(word.Parts) {
			case "ERR":
				s.onErr = plain(cmd.Args[1].Parts)
			case "EXIT", "0":
				s.onExit = plain(cmd.Args[1].Parts)
			}
		}
	}
	if in.ordinary(name, tested) {
		return s.ended(good)
	}
	if in.sources && s.failed && !strings.ContainsAny(name, "/$") {
		s.flow = leavesScript
	}
	return s.ended(either)
}

// options takes one word of set.
func options(word string, errexit, pipefail bool, cmd *syntax.CallExpr) (bool, bool) {
	on := strings.HasPrefix(word, "-")
	switch {
	case word == "pipefail":
		return errexit, !strings.HasPrefix(plain(cmd.Args[1].Parts), "+")
	case word == "errexit":
		return !strings.HasPrefix(plain(cmd.Args[1].Parts), "+"), pipefail
	case exits.MatchString("-" + strings.TrimLeft(word, "-+")):
		return on, pipefail
	}
	return errexit, pipefail
}

// allParams tells "$@" and its like.
func allParams(word *syntax.Word) bool { return param(word, "@", "*") }

// latest tells "$!".
func latest(word *syntax.Word) bool { return param(word, "!") }

func param(word *syntax.Word, of ...string) bool {
	parts := word.Parts
	if len(parts) == 1 {
		if quoted, ok := parts[0].(*syntax.DblQuoted); ok {
			parts = quoted.Parts
		}
	}
	if len(parts) != 1 {
		return false
	}
	p, ok := parts[0].(*syntax.ParamExp)
	return ok && p.Param != nil && slices.Contains(of, p.Param.Value)
}

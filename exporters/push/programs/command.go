package programs

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// IsRunner tells programs that run others: what stands between their name and the
// program's is theirs. Most of them end with 1 when they could not.
func IsRunner(word string) bool {
	if HandsOn(word) || IsShell(word) {
		return true
	}
	switch base(word) {
	case chronic, "systemd-run", "unshare", "nsenter", "chroot", "ssh", "docker", "podman", "kubectl", "busybox", "cmd", "powershell", "pwsh":
		return true
	}
	switch path.Ext(base(word)) {
	case ".sh", ".py", ".pl", ".rb", ".ps1", ".cmd", ".bat":
		return true
	}
	return false
}

// IsShell tells the shells whose scripts are read.
func IsShell(word string) bool {
	switch base(word) {
	case "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh":
		return true
	}
	return false
}

// HandsOn tells runners that end with the program's own code, and with one of theirs
// only after a line that begins with their name.
func HandsOn(word string) bool {
	switch base(word) {
	case "sudo", "doas", "su", "runuser", "env", "nice", "ionice", "chrt", "taskset", "flock", "timeout", "nohup", "setsid", "time", "stdbuf", "systemd-inhibit", "systemd-cat":
		return true
	}
	return false
}

// chronic ends with 1 when the program was killed.
const chronic = "chronic"

// base is the name of a program in lower case, on Linux or Windows.
func base(word string) string {
	name := strings.ToLower(word[strings.LastIndexAny(word, `/\`)+1:])
	return strings.TrimSuffix(name, ".exe")
}

// Is tells whether a word names the program: restic, /opt/restic_0.16, or
// partclone.ext4 for partclone. A whole script in one word, as for sh -c, does not.
func (p *Program) Is(word string) bool {
	if first, _, several := strings.Cut(word, " "); several && (!strings.ContainsAny(first, `/\`) || strings.Contains(base(word), " ")) {
		return false
	}
	rest, ok := strings.CutPrefix(base(word), p.Name)
	return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') && !IsRunner(word)
}

// place is where the program stands in a command: -1 if it does not, as behind a
// shell, whose script is read apart.
func (p *Program) place(command []string) int {
	if asUser(command) {
		return -1
	}
	script := scriptOf(command)
	for at, word := range command {
		if !p.Is(word) || word == script {
			continue
		}
		if next := at + 1; next < len(command) && (p.Is(command[next]) || IsRunner(command[next])) {
			continue // a user or a lock that is called like it
		}
		if unit := at > 0 && (command[at-1] == "-u" || command[at-1] == "--unit"); unit && slices.ContainsFunc(command[at+1:], p.Is) {
			continue // a unit or a user that is called like it
		}
		return at
	}
	if len(command) > 0 && !IsRunner(command[0]) {
		return 0 // under a name of the user's own
	}
	return -1
}

// asUser tells that su or runuser is given a script in one word. What is called like the
// program beside it is a user, as barman, restic and borg often are.
func asUser(command []string) bool {
	at := slices.IndexFunc(command, func(word string) bool { return base(word) == "su" || base(word) == "runuser" })
	rest := command[at+1:]
	return at >= 0 && !slices.Contains(rest, "-u") && !slices.Contains(rest, "--") &&
		slices.ContainsFunc(rest, func(word string) bool {
			return word == "-c" || word == "-lc" || word == "--command" || strings.HasPrefix(word, "--command=")
		})
}

// Arguments gives the program's own arguments of a command; nil where they are not
// known. Those of what stands in front, such as nice -n 10, are not among them.
func (p *Program) Arguments(command []string) []string {
	at := p.place(command)
	if at < 0 {
		return nil
	}
	return command[at+1:]
}

// called gives the words by which a command says what it is for: the program's
// own name where it tells, as amcheck does, and its arguments. It is named where
// the command is the program itself and not a script of the user's.
func (p *Program) called(command []string) (words []string, named bool) {
	at := p.place(command)
	if at < 0 {
		return nil, false
	}
	if name := base(command[at]); name != p.Name {
		return append([]string{name}, command[at+1:]...), p.Is(name)
	}
	return command[at+1:], true
}

// front is what stands before the program in a command; known is false where the
// program itself does not stand there, as behind a shell or in a script of the user's.
func (p *Program) front(command []string) (words []string, known bool) {
	at := p.place(command)
	if at < 0 || !p.Is(command[at]) {
		return nil, false
	}
	return command[:at], true
}

// before is front, or the whole command where that is not known: the program's own
// words may be among it.
func (p *Program) before(command []string) []string {
	if front, known := p.front(command); known {
		return front
	}
	return command
}

// ends tells whether a command ends with the program's own code. One that is not
// told at all (nil) does: who reports a code means the program's.
func (p *Program) ends(command []string) bool {
	if command == nil {
		return true
	}
	front, known := p.front(command)
	return known && (len(front) == 0 || HandsOn(front[0])) && !slices.ContainsFunc(front, func(word string) bool { return IsRunner(word) && !HandsOn(word) })
}

// What decides whether 0 tells of the program's end: options of systemd-run, of docker,
// of ssh and setsid, of screen and tmux, of script, and find's word for a call whose
// end it takes for an answer.
var (
	waits    = regexp.MustCompile(`^(--(wait|pipe|pty|scope|shell)|-[qGdr]*[PtTS][qGdrPt]*)$`)
	detaches = regexp.MustCompile(`^(--detach(=true)?|-[it]*d[it]*)$`)
	forks    = regexp.MustCompile(`^(--fork|-[46AaCgKkMNnqsTtVvXxYy]*f[46AaCgKkMNnqsTtVvXxYy]*)$`)
	leaves   = regexp.MustCompile(`^-[a-zA-Z]*d[a-zA-Z]*$`)
	returns  = regexp.MustCompile(`^(--return|-[a-zA-Z]*e[a-zA-Z]*)$`)
	asks     = regexp.MustCompile(`^-(exec|ok)(dir)?$`)
)

// left says why 0 tells nothing of the program's end, as where nobody waits for it;
// empty where it does.
func (p *Program) left(command []string) string {
	_, known := p.front(command)
	front := p.before(command)
	for i, word := range front {
		options := front[i+1:]
		switch name := base(word); name {
		case "systemd-run":
			if !slices.ContainsFunc(options, waits.MatchString) {
				return "systemd-run starts it and does not wait for its end; give --wait"
			}
		case "docker", "podman":
			if known && slices.ContainsFunc(options, detaches.MatchString) {
				return name + " starts it and does not wait for its end; leave -d away"
			}
		case "ssh", "setsid":
			if known && slices.ContainsFunc(options, forks.MatchString) {
				return name + " starts it and does not wait for its end; leave -f away"
			}
		case "screen", "tmux":
			if slices.ContainsFunc(options, leaves.MatchString) {
				return name + " starts it and does not wait for its end; call it without " + name
			}
		case "script":
			if slices.ContainsFunc(options, given.MatchString) && !slices.ContainsFunc(options, returns.MatchString) {
				return "script ends with 0 whatever it ended with; give -e"
			}
		case "find":
			if slices.ContainsFunc(options, asks.MatchString) && slices.Contains(command, ";") {
				return "find ends with 0 whatever it ended with; give -exec with + at its end, or xargs -0 -n 1"
			}
		}
	}
	return ""
}

// lockTaken is the exit code, without a word, of a flock in front of the program whose
// lock another run holds; 0 where no flock gives up.
func (p *Program) lockTaken(command []string) int {
	front, _ := p.front(command)
	at := slices.IndexFunc(front, func(word string) bool { return base(word) == "flock" })
	if at < 0 {
		return 0
	}
	code, givesUp := 1, false
	for i, word := range front[at+1:] {
		name, value, told := strings.Cut(word, "=")
		if !told && at+2+i < len(front) {
			value = front[at+2+i]
		}
		switch {
		case name == "-E" || name == "--conflict-exit-code":
			if n, err := strconv.Atoi(value); err == nil {
				code = n
			}
		case name == "-w" || name == "--wait" || name == "--timeout" || name == "-n" || name == "--nb" || name == "--nonblock":
			givesUp = true
		}
	}
	if !givesUp {
		return 0
	}
	return code
}

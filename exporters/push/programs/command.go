package programs

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// runners run other programs: what stands between their name and the program's is
// theirs. Most of them end with 1 when they could not.
func isRunner(word string) bool {
	switch base(word) {
	case "sudo", "doas", "su", "runuser", "env", "nice", "ionice", "chrt", "taskset", "flock", "timeout", "nohup", "setsid", "time", "stdbuf", "chronic",
		"systemd-run", "systemd-inhibit", "systemd-cat", "unshare", "nsenter", "chroot", "ssh", "docker", "podman", "kubectl", "busybox",
		"sh", "bash", "dash", "ash", "ksh", "zsh", "cmd", "powershell", "pwsh":
		return true
	}
	switch path.Ext(base(word)) {
	case ".sh", ".py", ".pl", ".rb", ".ps1", ".cmd", ".bat":
		return true
	}
	return false
}

// base is the name of a program in lower case, on Linux or Windows.
func base(word string) string {
	name := strings.ToLower(word[strings.LastIndexAny(word, `/\`)+1:])
	return strings.TrimSuffix(name, ".exe")
}

// isProgram tells whether a word names the program: restic, /opt/restic_0.16, or
// partclone.ext4 for partclone.
func (p *Program) isProgram(word string) bool {
	rest, ok := strings.CutPrefix(base(word), p.Name)
	return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') && !isRunner(word)
}

// place is where the program stands in a command: -1 if it does not, as behind a
// shell, where nobody can tell which words are its own.
func (p *Program) place(command []string) int {
	for at, word := range command {
		if !p.isProgram(word) {
			continue
		}
		if next := at + 1; next < len(command) && (p.isProgram(command[next]) || isRunner(command[next])) {
			continue // a user or a lock that is called like it
		}
		return at
	}
	if len(command) > 0 && !isRunner(command[0]) {
		return 0 // under a name of the user's own
	}
	return -1
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
		return append([]string{name}, command[at+1:]...), p.isProgram(name)
	}
	return command[at+1:], true
}

// held is the code by which a flock in front tells that another run holds its
// lock, without a word; 0 where no flock gives up.
func (p *Program) held(command []string) int {
	front := command[:max(p.place(command), 0)]
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

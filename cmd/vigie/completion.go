package main

import (
	"context"
	"io"

	"github.com/alecthomas/kingpin/v2"
)

// completion prints the completion script of a shell. The script asks the program
// itself each time, so that it fits whatever version is installed.
func (c *commands) completion(app *kingpin.Application) verb {
	cmd := app.Command("completion", "Print a script by which a shell completes verbs, flags and their values."+
		"\n\nExamples:\n  vigie completion bash > /etc/bash_completion.d/vigie\n  vigie completion zsh > /usr/local/share/zsh/site-functions/_vigie\n  vigie completion fish > ~/.config/fish/completions/vigie.fish")
	scripts := shells()
	var names []string
	for _, s := range scripts {
		names = append(names, s.name)
	}
	shell := cmd.Arg("shell", "For which shell.").Required().HintOptions(names...).Enum(names...)
	return verb{cmd, func(context.Context) error {
		for _, s := range scripts {
			if s.name == *shell {
				_, err := io.WriteString(c.out, s.script)
				return err
			}
		}
		return nil
	}}
}

// shells are the scripts by shell. Each hands the words so far to the program,
// which lists what may follow.
func shells() []struct{ name, script string } {
	return []struct{ name, script string }{
		{"bash", `_vigie() {
    local current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --completion-bash "${COMP_WORDS[@]:1:$COMP_CWORD}" 2>/dev/null)" -- "$current"))
    return 0
}
complete -o bashdefault -o default -F _vigie vigie
`},
		{"zsh", `#compdef vigie
_vigie() {
    local -a found
    found=("${(@f)$("${words[1]}" --completion-bash "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    compadd -a found
    [[ -n "$found" ]] || _files
}
if [ "$funcstack[1]" = "_vigie" ]; then _vigie "$@"; else compdef _vigie vigie; fi
`},
		{"fish", `function __vigie_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] --completion-bash $words[2..-1] 2>/dev/null
end
complete -c vigie -a '(__vigie_complete)'
`},
	}
}

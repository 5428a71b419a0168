package programs

import (
	"fmt"
	"strings"
)

const pageHead = `# Exit codes of backup programs

What a backup program means by its exit code **and** its output. ` + "`backup_exporter run --for=PROGRAM`" + ` (and ` + "`deploy/scripts/vigie-run`" + `) judges by this
table. Of each program the first row counts whose code fits and whose conditions hold; **what fits no row is failed**.

- *success*: everything was saved. *warning*: something is missing or odd, the rest can be restored. *failed*: not saved. *cancelled*: ended by a signal.
- *running*: another run holds the lock: nothing is told of this one, the job is shown as running, and the other's result counts.
- *not due*: nothing was to be done, or a rehearsal: no result is sent at all.
- *empty*: it went well and the backup holds nothing, as when a source is not mounted: a warning that does not move the last success.
- **Not every call is a backup**: lists, checks, restores, rehearsals and ` + "`--help`" + ` are never a success, whatever their exit code. The table knows by the
  program's options and commands, also in a script, in its file or behind sh -c or ssh, unless another command there may be a script that saves. Of a command that looks after what was saved, such as a check or a prune, the failure is told.
- Patterns are searched in each line of the output. A dagger marks what is documented and was not produced when the table was made.
- Under *meanings from* stands the version whose exit codes and messages were observed. The patterns were written after these messages; the tests run them against
  tar (in English and French), cpio, rsync, zip, 7-Zip, zpaq, dar, rclone, unison, rsnapshot, sqlite3, pg_dump, restic and borg. Try the others once with a backup that you let fail.
- A code is the program's *own* where nothing stands in front of it but what hands the code on, such as sudo, nice or timeout; a script, a shell, ssh or docker may end by it as
  well. Chronic ends with 1 also for a program that was killed, so that 1 is failed behind it: leave it away and give --hide-output.
- What is started and left alone (systemd-run without --wait, docker and podman with -d, ssh and setsid with -f, screen and tmux with -d, & in a script without wait) is failed although it ends with 0: nobody knows how it ended.
  So is what find calls by -exec with a semicolon at its end, and script without -e: they end with 0 whatever the program ended with.
- **A script may end with 0 whatever the program ended with**: because it goes on behind it, because of a pipe, of ` + "`|| true`" + `, of ` + "`if`" + ` without else, of a loop. Then 0 is a success
  unless the program, or the shell about it, says that it failed; where the script sends these words elsewhere (2>/dev/null, >$LOG 2>&1, into a mail) and does not show them where it failed (cat $LOG, echo "$out") nothing tells, and it is failed. Put set -e
  in front, and set -o pipefail where there is a pipe (bash), or end the script with the program's code. $?, PIPESTATUS, flags (EXIT=1, exit $EXIT), functions and traps are followed: curl https://hc.example/$? alone tells it elsewhere, and exit after echo ends with the code of echo. What cannot be followed (a file that is sourced, a loop that tries again, what looks at a log) is trusted.
- **What a program does not say, nobody can know**: where it is quiet, a source that is empty or not mounted looks like any other. The program's note says by what it tells. Where its own
  options are not to be changed, its repository can be asked behind it: ` + "`run --for=borg JOB -- sh -c 'borg create REPO::NAME /srv && borg info --last 1 --json REPO'`" + `.
- Codes of the shell and the system hold for all: 126 and 127 (not started) are failed, 130 and 143 cancelled, 137 failed.

Rows of your own stand in a file for ` + "`--codes`" + `, and come before these: ` + "`codes: {rsync: [{code: 23, result: warning}]}`" + `.
`

// Page writes the table for people, as docs/backup-exit-codes.md.
func Page(t *Table) string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, name := range t.Names() {
		p := t.programs[name]
		fmt.Fprintf(&b, "\n## %s\n\nMeanings from: %s.", name, p.Verified)
		if p.Note != "" {
			fmt.Fprintf(&b, " Note: %s.", p.Note)
		}
		b.WriteString(calls(p.Calls))
		b.WriteString("\n\n| exit code | and | result | meaning |\n|---|---|---|---|\n")
		for _, r := range p.Rows {
			result := strings.ReplaceAll(string(r.Result), "_", " ")
			if r.Strict != "" {
				result += ", with `--strict` " + string(r.Strict)
			}
			code := r.Code.String()
			if r.Known {
				code += " †"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code, strings.Join(conditions(&r), ", "), result, r.Words)
		}
	}
	return b.String()
}

// calls says which calls of a program save nothing.
func calls(c *Calls) string {
	if c == nil {
		return ""
	}
	var out strings.Builder
	if c.Command {
		out.WriteString("\nOf a command that is not known here only the failure is told.")
	}
	for _, k := range []struct {
		words string
		of    *Whole
	}{{"Saves nothing with", c.Idle}, {"nor with the first argument", c.First}, {"Looks after what was saved, so that only its failure is told", c.Tends}, {"Saves nothing", c.Other}} {
		if k.of != nil {
			fmt.Fprintf(&out, "\n%s: `%s`.", k.words, strings.TrimSuffix(strings.TrimPrefix(k.of.String(), "^(?:"), ")$"))
		}
	}
	return strings.TrimRight("\n"+out.String(), "\n")
}

func conditions(r *Row) []string {
	var out []string
	add := func(words string, p *Pattern) {
		if p != nil && p.Regexp != nil {
			out = append(out, words+" `"+strings.ReplaceAll(p.String(), "|", `\|`)+"`")
		}
	}
	for i := range r.Output {
		add("a line", &r.Output[i])
	}
	for i := range r.Without {
		add("no line", &r.Without[i])
	}
	for i := range r.Same {
		add([]string{"one number in", "and in"}[min(i, 1)], &r.Same[i])
	}
	if r.Script != nil {
		add("the script", r.Script)
	}
	for i := range r.Argument {
		add("an argument", &r.Argument[i])
	}
	if r.Own {
		out = append(out, "the code is its own")
	}
	if r.Nothing {
		out = append(out, "nothing on its standard output")
	}
	add("first line", r.First)
	add("last line", r.Last)
	return out
}

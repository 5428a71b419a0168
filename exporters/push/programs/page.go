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
- Patterns are searched in each line of the output. A dagger marks what is documented and was not produced when the table was made.
- Under *meanings from* stands the version whose exit codes and messages were observed. The patterns were written after these messages; the tests run them against
  tar (in English and French), cpio, rsync, zip, 7-Zip, dar, rclone, unison, rsnapshot, sqlite3, pg_dump, restic and borg. Try the others once with a backup that you let fail.
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
	add("an argument", r.Argument)
	add("first line", r.First)
	add("last line", r.Last)
	return out
}

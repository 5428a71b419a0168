package resticrepo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"vigie/exporters"
)

// maxOutput bounds what restic may write: a snapshot takes about 1 KiB.
const maxOutput = 64 << 20

// snapshots runs `restic snapshots`, which reads and, without a lock, writes
// nothing into the repository.
func (c *Config) snapshots(ctx context.Context, tag string, odd *exporters.Oddities) ([]group, error) {
	fail := func(reason exporters.Reason, err error) ([]group, error) {
		return nil, &exporters.SourceError{Endpoint: snapshotsName, Reason: reason, Err: err}
	}
	env, files, err := c.environment()
	if err != nil {
		return fail(exporters.ReasonOther, err)
	}
	// Not --latest 1: one snapshot from a clock that was ahead would hide all others.
	args := []string{"snapshots", "--json", "--no-lock", "--group-by", strings.Join(c.GroupBy, ",")}
	if c.CacheDir != "" {
		args = append(args, "--cache-dir", c.CacheDir)
	} else {
		args = append(args, "--no-cache")
	}
	if tag != "" {
		args = append(args, "--tag", tag)
	}
	restic := exporters.Program{Endpoint: snapshotsName, Name: "restic", Path: c.program, Args: args, Env: env, Timeout: time.Duration(c.CommandTimeout),
		MaxOutput: maxOutput, MaxWords: 16 << 10}
	out, err := restic.Run(ctx)
	words := newMask(files).clean(complaint(out.Stderr))
	var exit *exec.ExitError
	var late *exporters.SourceError
	switch {
	case errors.As(err, &late):
		return nil, late
	case errors.As(err, &exit):
		return fail(exitReason(exit.ExitCode(), string(out.Stderr)), fmt.Errorf("restic ended with %d: %s", exit.ExitCode(), words))
	case err != nil:
		return fail(exporters.ReasonOther, errors.New("restic cannot be run: "+newMask(files).clean(err.Error())))
	case out.Overflow != nil:
		return nil, out.Overflow
	case partial.Match(out.Stderr):
		// It leaves out the snapshots that it cannot read and ends with 0.
		return fail(exporters.ReasonIncomplete, errors.New("restic left out a snapshot: "+words))
	}
	return parse(out.Stdout, odd)
}

var partial = regexp.MustCompile(`(?i)could not load|ignoring |"message_type" *: *"(exit_)?error"`)

// exitReason reads the exit code; restic before 0.17 ends with 1 for all of
// them, and then its words have to tell.
func exitReason(code int, words string) exporters.Reason {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(strings.ToLower(words), p) {
				return true
			}
		}
		return false
	}
	switch {
	case code == 12, has("wrong password", "no key found"):
		return exporters.ReasonAuth
	case has("connection refused", "no such host", "network is unreachable", "no route to host", "i/o timeout", "dial tcp"):
		return exporters.ReasonUnreachable
	case has("access denied", "permission denied", "403 forbidden", "401 unauthorized", "invalidaccesskeyid", "signaturedoesnotmatch"):
		return exporters.ReasonForbidden
	case code == 10, has("is there a repository", "does not exist"):
		return exporters.ReasonNotFound
	default:
		return exporters.ReasonOther
	}
}

// complaint gives the first line that says what is wrong.
func complaint(stderr []byte) string {
	first := ""
	for line := range strings.SplitSeq(strings.ToValidUTF8(string(stderr), "\uFFFD"), "\n") {
		line = strings.TrimSpace(line)
		var m struct {
			Type    string `json:"message_type"`
			Message string `json:"message"`
		}
		if json.Unmarshal([]byte(line), &m) == nil && m.Message != "" {
			line, _, _ = strings.Cut(m.Message, "\n")
		}
		if strings.HasPrefix(line, "Fatal:") || partial.MatchString(line) {
			return line
		}
		if first == "" {
			first = line
		}
	}
	return first
}

package windowsbackup

import (
	"context"
	"time"

	"vigie/exporters/winevent"
)

func newHost(c *Config) (host, error) {
	timeout := time.Duration(c.CommandTimeout)
	events, err := winevent.NewReader(timeout)
	if err != nil {
		return host{}, err
	}
	powershell, err := winevent.SystemProgram("WindowsPowerShell", "v1.0", "powershell.exe")
	if err != nil {
		return host{}, err
	}
	wbadmin, err := winevent.SystemProgram("wbadmin.exe")
	if err != nil {
		return host{}, err
	}
	run := func(endpoint, program string, args ...string) func(context.Context) ([]byte, error) {
		o := winevent.RunOptions{Endpoint: endpoint, Timeout: timeout, Program: program, Args: args}
		return func(ctx context.Context) ([]byte, error) { return winevent.Run(ctx, o) }
	}
	return host{
		events: events,
		// An encoded command needs no file that somebody could change, and no
		// execution policy.
		summary:  run("summary", powershell, "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded(script)),
		versions: run("versions", wbadmin, "get", "versions"),
	}, nil
}

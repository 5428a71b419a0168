//go:build !windows

package windowsbackup

import (
	"time"

	"vigie/exporters/winevent"
)

func newHost(c *Config) (host, error) {
	_, err := winevent.NewReader(time.Duration(c.CommandTimeout))
	return host{}, err
}

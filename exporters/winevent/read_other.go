//go:build !windows

package winevent

import (
	"errors"
	"time"
)

// NewReader says that there are no Windows event logs here.
func NewReader(time.Duration) (Reader, error) {
	return nil, errors.New("there are no event logs of Windows here; run the exporter on the Windows machine itself, or let it export its logs and name their folder (collected)")
}

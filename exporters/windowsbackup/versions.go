package windowsbackup

import (
	"regexp"
	"time"

	"vigie/exporters/winevent"
)

// identifier is the only part of wbadmin's text that does not depend on the
// language and the regional settings: the start of the backup in UTC.
var identifier = regexp.MustCompile(`(?:^|[^\d/-])(\d{2}/\d{2}/\d{4}-\d{2}:\d{2})(?:[^\d:/-]|$)`)

// ParseVersions reads the version identifiers out of what "wbadmin get
// versions" writes, in its order. Only backups that succeeded are listed.
func ParseVersions(data []byte) ([]time.Time, error) {
	text, err := winevent.Text(data)
	if err != nil {
		return nil, err
	}
	var out []time.Time
	for _, m := range identifier.FindAllStringSubmatch(text, -1) {
		// What has the shape but is no instant, like month 13, is no identifier.
		if t, err := time.Parse("01/02/2006-15:04", m[1]); err == nil {
			out = append(out, t)
		}
	}
	return out, nil
}

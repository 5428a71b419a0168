package exporters

import (
	"strings"
	"unicode/utf8"

	"vigie/internal/clip"
)

// maxLabelBytes bounds a label value. Names in products are short; a longer
// one is somebody's mistake and would burden every series it names.
const maxLabelBytes = 512

// CleanName makes a product's name fit for a label: valid UTF-8, no blanks
// around it, of bounded length.
func CleanName(s string) string {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return clip.Bytes(s, maxLabelBytes)
}

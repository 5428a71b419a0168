package runbooks

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestHTML(t *testing.T) {
	got := HTML("# A: b & <c>\n\nOne `x < *y*`\nline, *Menu > Item*.\n\n1. first\n   goes on\n2. second\n\n- a\n- b\n\nend\n")
	const want = "<h1>A: b &amp; &lt;c&gt;</h1>\n<p>One <code>x &lt; *y*</code>\nline, <em>Menu &gt; Item</em>.</p>\n" +
		"<ol>\n<li>first\ngoes on</li>\n<li>second</li>\n</ol>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>end</p>\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Every page becomes well-formed HTML, and nothing of the Markdown is left over.
func TestEveryPage(t *testing.T) {
	if len(Alerts()) < 50 {
		t.Fatalf("%d pages", len(Alerts()))
	}
	for _, l := range Languages() {
		for _, name := range append(Alerts(), "") {
			text, ok := Page(l, name)
			if name == "" {
				text, ok = Products(l, "BackupFailed"), true
			}
			if !ok {
				t.Errorf("%s has no page %s", l, name)
			}
			page := string(HTML(text))
			d := xml.NewDecoder(strings.NewReader("<x>" + page + "</x>"))
			d.Entity = xml.HTMLEntity
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s %s: %v", l, name, err)
					break
				}
			}
			if strings.Contains(page, "`") || strings.Contains(page, "\n## ") || strings.Contains(page, "**") {
				t.Errorf("%s %s: Markdown is left over in\n%s", l, name, page)
			}
		}
	}
	for _, none := range []string{"products", "Nothing", "../en/Watchdog", "Watchdog.md", ""} {
		if _, ok := Page("en", none); ok {
			t.Errorf("%q has a page", none)
		}
	}
	if Products("en", "HostDown") != "" || Products("de", "BackupFailed") != "" {
		t.Error("products where none can help")
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("# a\n- *b* `c`\n1. d")
	f.Fuzz(func(t *testing.T, text string) {
		if got := string(HTML(text)); strings.Count(got, "<script") > 0 {
			t.Errorf("%q", got)
		}
	})
}

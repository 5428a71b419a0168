package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"vigie/receiver"
	"vigie/receiver/web"
)

// Who a proxy says that somebody is counts only from the proxy's own addresses,
// said once, and of a person of the inventory.
func TestTrustedProxy(t *testing.T) {
	d := newDesk(t, "synomega", "", func(_ *receiver.Config, _ *receiver.Reloadable, o *web.Options) {
		o.Login = web.LoginOptions{ProxyHeader: "X-Forwarded-User", ProxyNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("fd00::5/128")}}
	})
	site := d.server.Config.Handler
	for name, x := range map[string]struct {
		from string
		who  []string
		want int // 200 for the page, 303 for the way to the login
	}{
		"the proxy":                {"10.0.0.5:40000", []string{"sup"}, http.StatusOK},
		"by address":               {"10.0.0.5:40000", []string{"SUP@msp.example"}, http.StatusOK},
		"over IPv6":                {"[fd00::5]:40000", []string{"sup"}, http.StatusOK},
		"IPv4 in IPv6":             {"[::ffff:10.0.0.5]:40000", []string{"sup"}, http.StatusOK},
		"somebody else":            {"10.0.0.6:40000", []string{"sup"}, http.StatusSeeOther},
		"this machine":             {"127.0.0.1:40000", []string{"sup"}, http.StatusSeeOther},
		"the proxy, of nobody":     {"10.0.0.5:40000", nil, http.StatusSeeOther},
		"the proxy, of a stranger": {"10.0.0.5:40000", []string{"eve"}, http.StatusSeeOther},
		"said twice":               {"10.0.0.5:40000", []string{"sup", "adm1"}, http.StatusSeeOther},
		"a shared mailbox":         {"10.0.0.5:40000", []string{"expert"}, http.StatusSeeOther},
	} {
		r := httptest.NewRequest(http.MethodGet, "/today", nil)
		r.RemoteAddr = x.from
		for _, w := range x.who {
			r.Header.Add("X-Forwarded-User", w)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if body, _ := io.ReadAll(w.Body); w.Code != x.want {
			t.Errorf("%s: %d, want %d\n%.200s", name, w.Code, x.want, body)
		}
	}
}

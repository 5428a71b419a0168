package sourcetest

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/exporters/misbehave"
)

// ReadSettings reads the settings of a source as a configuration in that folder has
// them.
func ReadSettings[C any, P interface {
	*C
	Validate(dir string) error
}](t testing.TB, key, dir, text string) error {
	t.Helper()
	var node yaml.Node
	Check(t, yaml.Unmarshal([]byte(text), &node))
	var c C
	if err := exporters.DecodeStrict("f.yml", key, node.Content[0], &c); err != nil {
		return err
	}
	return P(&c).Validate(dir)
}

// CheckSettings holds what is said of each text of settings; "" where it is taken.
func CheckSettings[C any, P interface {
	*C
	Validate(dir string) error
}](t testing.TB, key string, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		err := ReadSettings[C, P](t, key, "", text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// CheckNoSecret lets a product commit every fault, and go away; nothing that is shown,
// logged or kept may hold one of the secrets that it has given until then.
func (b *Bench) CheckNoSecret(orders *misbehave.Orders, restart func(), secrets func() []string) {
	b.T.Helper()
	b.Refresh()
	all, known := new(strings.Builder), secrets()
	for _, f := range []misbehave.Fault{misbehave.None, misbehave.HTML, misbehave.ServerError, misbehave.CutConnection, misbehave.Forbidden, misbehave.TruncatedJSON, misbehave.ExpireTokens} {
		orders.Clear()
		orders.Add(misbehave.Order{Fault: f, Times: -1})
		restart()
		if err := b.Poller.Refresh(b.T.Context()); err != nil {
			all.WriteString(err.Error())
		}
		all.WriteString(b.Metrics() + b.Results())
		known = append(known, secrets()...)
	}
	b.Server.Close()
	all.WriteString(b.Fails().Error() + b.Metrics() + b.Log.String())
	state, err := os.ReadFile(b.State)
	Check(b.T, err)
	all.Write(state)
	for _, s := range known {
		if strings.Contains(all.String(), s) {
			b.T.Errorf("a secret comes out: %.6s…", s)
		}
	}
}

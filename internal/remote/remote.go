// Package remote is how a server is reached over HTTP: the http_config of
// Prometheus and Alertmanager, with secrets in files only.
package remote

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// HTTPConfig is http_config as Prometheus documents it: basic_auth, authorization,
// oauth2, tls_config, http_headers and the proxy. It is read strictly; what would
// put a secret into the configuration is refused, and redirects are never
// followed, since they could carry credentials elsewhere.
type HTTPConfig struct {
	strict.Position
	node *yaml.Node // nil when nothing is configured
	prom promconfig.HTTPClientConfig
}

// IsSet reports whether anything is configured.
func (c *HTTPConfig) IsSet() bool { return c.node != nil }

// Files are the files that it names, as they are written.
func (c *HTTPConfig) Files() []string { return filesIn(c.node) }

func filesIn(n *yaml.Node) []string {
	if n == nil {
		return nil
	}
	var out []string
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			switch key := n.Content[i-1].Value; {
			case strings.HasSuffix(key, "_file"):
				out = append(out, child.Value)
				continue
			case key == "files":
				for _, f := range child.Content {
					out = append(out, f.Value)
				}
				continue
			}
		}
		out = append(out, filesIn(child)...)
	}
	return slices.DeleteFunc(out, func(f string) bool { return f == "" })
}

// UnmarshalStrict reads it from a configuration of the receiver.
func (c *HTTPConfig) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	at := d.Position(n)
	err := c.UnmarshalYAML(n)
	var faults strict.Faults
	if errors.As(err, &faults) {
		for i := range faults {
			faults[i].File, faults[i].Path = at.File, strings.TrimSuffix(d.Path()+"."+faults[i].Path, ".")
		}
		return faults
	}
	c.Position = at
	return err
}

// UnmarshalYAML reads it from any YAML. The error is of type [strict.Faults],
// whose paths begin below http_config.
func (c *HTTPConfig) UnmarshalYAML(n *yaml.Node) error {
	var k keys
	k.check("", n, reflect.TypeFor[promconfig.HTTPClientConfig]())
	if err := k.faults.Err(); err != nil {
		return err
	}
	if err := n.Decode(&c.prom); err != nil {
		return strict.Faults{{Position: strict.Position{Line: n.Line}, What: strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	if err := c.prom.Validate(); err != nil {
		return strict.Faults{{Position: strict.Position{Line: n.Line}, What: err.Error()}}
	}
	if p := c.prom.ProxyURL; p.URL != nil && p.User != nil {
		return strict.Faults{{Position: strict.Position{Line: n.Line}, Path: "proxy_url", What: "the address holds a password, and this file is no place for one", Cure: "name a proxy that asks for none"}}
	}
	c.node, c.Position = n, strict.Position{Line: n.Line}
	return nil
}

// Prometheus returns it with file names relative to dir, and redirects off.
func (c HTTPConfig) Prometheus(dir string) promconfig.HTTPClientConfig {
	out := promconfig.DefaultHTTPClientConfig
	if c.node != nil {
		_ = c.node.Decode(&out) // it was decoded before; anew, as the next line changes what pointers lead to
		out.SetDirectory(dir)
	}
	out.FollowRedirects = false
	return out
}

// Credentials names the key by which credentials are sent; "" for none.
func (c *HTTPConfig) Credentials() string {
	switch {
	case c.prom.BasicAuth != nil:
		return "basic_auth"
	case c.prom.Authorization != nil:
		return "authorization"
	case c.prom.OAuth2 != nil:
		return "oauth2"
	}
	return ""
}

// HasTLS reports whether it says how the server's certificate is verified.
func (c *HTTPConfig) HasTLS() bool { return c.prom.TLSConfig != promconfig.TLSConfig{} }

// NewClient makes a client; files are read when they are needed, and again when
// they change.
func NewClient(c promconfig.HTTPClientConfig, name string) (*http.Client, error) {
	return promconfig.NewClientFromConfig(c, name)
}

// NewRoundTripper makes what carries requests for a client of the caller's own.
func NewRoundTripper(c promconfig.HTTPClientConfig, name string) (http.RoundTripper, error) {
	return promconfig.NewRoundTripperFromConfig(c, name)
}

// keys checks the keys of a configuration against the struct that it is read into.
type keys struct{ faults strict.Faults }

func (k *keys) add(n *yaml.Node, path, what, cure string) {
	k.faults = append(k.faults, strict.Fault{Position: strict.Position{Line: n.Line}, Path: path, What: what, Cure: cure})
}

// inline are the keys under which Prometheus takes a secret as it is, and the keys
// that name a file instead.
func inline() map[string]string {
	return map[string]string{
		"password": "password_file", "credentials": "credentials_file", "bearer_token": "bearer_token_file",
		"client_secret": "client_secret_file", "client_certificate_key": "client_certificate_key_file", "key": "key_file", "secrets": "files",
	}
}

func (k *keys) check(path string, n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode || t.Kind() != reflect.Struct {
		return // of the wrong shape, which the decoder says, or a value
	}
	fields := fieldsOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		file, secret := inline()[key.Value]
		field, known := fields[key.Value]
		switch {
		case key.Value == "follow_redirects":
			k.add(key, at, "redirects are never followed, as they could carry credentials elsewhere", "take it out and write the address that answers")
		case secret && known:
			k.add(key, at, "a secret must not stand in this file", "write it into a file of its own and name that under "+file)
		case key.Value == "proxy_connect_header":
			k.add(key, at, "what stands here is a secret, which must not stand in this file", "name a proxy that asks for none")
		case strings.HasSuffix(key.Value, "_ref") && known:
			k.add(key, at, "there is no secret manager here", "name a file under "+strings.TrimSuffix(key.Value, "_ref")+"_file")
		case key.Value == "http_headers" && known:
			k.headers(at, value)
		case key.Value == "endpoint_params" && known:
			k.params(at, value)
		case !known:
			var names []string
			for name := range fields {
				if _, secret := inline()[name]; !secret && !strings.HasSuffix(name, "_ref") && name != "proxy_connect_header" && name != "follow_redirects" {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			cure := "known here are " + strings.Join(names, ", ")
			if near := strict.Nearest(key.Value, names); near != "" {
				cure = fmt.Sprintf("did you mean %q?", near)
			}
			k.add(key, at, fmt.Sprintf("unknown key %q", key.Value), cure)
		default:
			k.check(at, value, field)
		}
	}
}

// headers checks http_headers: the keys are names of headers.
func (k *keys) headers(path string, n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		at := path + "." + name.Value
		k.check(at, value, reflect.TypeFor[promconfig.Header]())
		for j := 0; value.Kind == yaml.MappingNode && j+1 < len(value.Content); j += 2 {
			if value.Content[j].Value == "values" && secretName(name.Value) {
				k.add(value.Content[j], at+".values", "the header looks like a secret, which must not stand in this file",
					"write it into a file of its own and name that under files")
			}
		}
	}
}

// params checks endpoint_params: the keys are names of a form.
func (k *keys) params(path string, n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if secretName(n.Content[i].Value) {
			k.add(n.Content[i], path+"."+n.Content[i].Value, "this looks like a secret, which must not stand in this file", "use client_secret_file")
		}
	}
}

// secretName reports whether a value of that name is most likely a secret.
func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "secret", "token", "cookie", "auth", "key"}, func(s string) bool { return strings.Contains(name, s) })
}

// fieldsOf are a struct's keys, those of inlined structs included.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline") && f.Type.Kind() == reflect.Struct:
			maps.Copy(out, fieldsOf(f.Type))
		case name != "" && name != "-" && f.IsExported():
			out[name] = f.Type
		}
	}
	return out
}

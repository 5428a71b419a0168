package exporters

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// ConfigError says what is wrong in which file, where, and how to mend it.
type ConfigError struct {
	File string
	Line int
	Key  string
	What string
	Cure string
}

// Error gives "file:line: key: what; cure".
func (e *ConfigError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		b.WriteByte(':')
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:", e.Line)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.What)
	if e.Cure != "" {
		b.WriteString("; " + e.Cure)
	}
	return b.String()
}

// DecodeStrict reads a part of a configuration, which stands below path, into
// out. The error joins a [ConfigError] for each fault.
func DecodeStrict(file, path string, node *yaml.Node, out any) error {
	var faults strict.Faults
	if errors.As(strict.DecodeNode(file, path, node, out), &faults) {
		return configErrors(faults)
	}
	return nil
}

// Mapping reads a file of one mapping; begin says how such a file begins.
func Mapping(file string, text []byte, begin string) (*yaml.Node, error) {
	var root yaml.Node
	var faults strict.Faults
	if errors.As(strict.Decode(file, text, &root), &faults) {
		return nil, configErrors(faults)
	}
	if root.Kind != yaml.MappingNode {
		return nil, &ConfigError{File: file, Line: 1, What: "not a mapping", Cure: "begin with " + begin}
	}
	return &root, nil
}

func configErrors(faults strict.Faults) error {
	each := make([]error, len(faults))
	for i, f := range faults {
		each[i] = configError(f)
	}
	if len(each) == 1 {
		return each[0]
	}
	return errors.Join(each...)
}

func configError(f strict.Fault) *ConfigError {
	if f.Kind != strict.UnknownKey {
		return &ConfigError{File: f.File, Line: f.Line, Key: f.Path, What: f.What, Cure: f.Cure}
	}
	cure := "known here are " + strings.Join(f.Known, ", ")
	if near := strict.Nearest(f.Name, f.Known); near != "" {
		cure = fmt.Sprintf("did you mean %q?", near)
	}
	return &ConfigError{File: f.File, Line: f.Line, Key: strings.TrimPrefix(f.Path+"."+f.Name, "."), What: "unknown key", Cure: cure}
}

// LineOf finds the line of a key like "customers.dupont" below node; 0 if the
// file does not have it.
func LineOf(node *yaml.Node, key string) int {
	line := 0
	for name := range strings.SplitSeq(key, ".") {
		if node == nil || node.Kind != yaml.MappingNode {
			return line
		}
		var next *yaml.Node
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				line, next = node.Content[i].Line, node.Content[i+1]
			}
		}
		node = next
	}
	return line
}

// Duration is a time.Duration written like 2s, 5m, 24h or 31d.
type Duration time.Duration

// UnmarshalScalar reads the text form; empty is as if it stood nowhere.
func (d *Duration) UnmarshalScalar(text string) error {
	if text == "" {
		return nil
	}
	v, err := model.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is not a duration; write for example 30s, 5m, 24h or 31d", text)
	}
	*d = Duration(v)
	return nil
}

// URL is the address of a product, without credentials, query or fragment.
type URL struct{ *url.URL }

// UnmarshalScalar reads and checks the address; empty is as if it stood nowhere. Plain HTTP is for loopback only:
// credentials travel with each request.
func (u *URL) UnmarshalScalar(text string) error {
	if text == "" {
		return nil
	}
	v, err := url.Parse(text)
	switch {
	case err != nil || v.Host == "" || v.Scheme != "https" && v.Scheme != "http":
		return errors.New("not an address; write for example https://backup.dupont.example:9419")
	case v.User != nil || v.RawQuery != "" || v.Fragment != "":
		return errors.New("the address holds more than scheme, host and path; put credentials in files, named by the keys that end in _file")
	case v.Scheme == "http" && !loopback(v.Hostname()):
		return errors.New("plain http would show the credentials to the network; use https; http is for 127.0.0.1 and localhost")
	}
	u.URL = v
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Secret is where a secret is kept. It is read anew each time it is needed,
// so that a changed password needs no restart, and is never held in a field.
type Secret struct {
	File string // relative to the configuration file's folder
	Env  string
}

// InDir gives a file name that stands in a file of the folder dir: a relative
// one is relative to that folder and not to the working directory, which is
// another one for each way to start the program. Empty stays empty.
func InDir(dir, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// Resolve makes a relative file name relative to dir and checks that exactly
// one place is named and can be read. Key is the key's name without _file.
func (s *Secret) Resolve(dir, key string) error {
	switch {
	case s.File == "" && s.Env == "":
		return &ConfigError{Key: key + "_file", What: "missing", Cure: "name the file that holds the secret, or the environment variable in " + key + "_env"}
	case s.File != "" && s.Env != "":
		return &ConfigError{Key: key + "_file", What: "given together with " + key + "_env", Cure: "keep one of them"}
	}
	s.File = InDir(dir, s.File)
	if _, err := s.Read(); err != nil {
		at := key + "_file"
		if s.Env != "" {
			at = key + "_env"
		}
		return &ConfigError{Key: at, What: err.Error(), Cure: "make it readable for the exporter's user and not empty"}
	}
	return nil
}

// Read gives the secret without the line's end.
func (s Secret) Read() (string, error) {
	var v string
	if s.Env != "" {
		v = os.Getenv(s.Env)
	} else {
		f, err := os.Open(s.File)
		if err != nil {
			return "", err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, 64<<10))
		if err != nil {
			return "", err
		}
		v = string(data)
	}
	v = strings.TrimRight(v, "\r\n")
	if v == "" {
		return "", errors.New("the secret is empty")
	}
	return v, nil
}

// Intervals is the time that may pass between two runs where a product does
// not tell, by machine class.
type Intervals map[Class]Duration

// Of gives the interval for a class; a day where nothing is configured.
func (i Intervals) Of(c Class) time.Duration {
	if d, ok := i[c]; ok {
		return time.Duration(d)
	}
	return 24 * time.Hour
}

// Check refuses classes that do not exist.
func (i Intervals) Check(key string) error {
	for c, d := range i {
		if c != Server && c != NAS && c != Workstation && c != Other {
			return &ConfigError{Key: key + "." + string(c), What: "unknown machine class", Cure: "known are server, nas, workstation, other"}
		}
		if d <= 0 {
			return &ConfigError{Key: key + "." + string(c), What: "not more than zero", Cure: "write for example 24h"}
		}
	}
	return nil
}

// CheckRole refuses a backup role that does not exist.
func CheckRole(r Role) error {
	if r != Primary && r != Local {
		return &ConfigError{Key: "backup_role", What: fmt.Sprintf("%q is no role", r), Cure: "known are primary, local"}
	}
	return nil
}

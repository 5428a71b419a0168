package resticrepo

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// maxEnvironment bounds one file.
const maxEnvironment = 64 << 10

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// readEnvironment reads the files anew, so that a changed key needs no restart.
func readEnvironment(files []string) ([]string, error) {
	var out []string
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxEnvironment+1))
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		if len(data) > maxEnvironment {
			return nil, fmt.Errorf("%s: longer than %d bytes", file, maxEnvironment)
		}
		vars, err := parseEnvironment(data)
		if err != nil {
			return nil, fmt.Errorf("%s:%w", file, err)
		}
		out = append(out, vars...)
	}
	return out, nil
}

// parseEnvironment reads lines KEY=VALUE as systemd's environment files and
// simple shell scripts have them. An error names the line and never a value.
func parseEnvironment(data []byte) ([]string, error) {
	var out []string
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, maxEnvironment+1)
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(scan.Text(), "\ufeff"))
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || !envName.MatchString(name) {
			return nil, fmt.Errorf("%d: not a line KEY=VALUE", n)
		}
		if strings.HasPrefix(name, "RESTIC_REPOSITORY") || strings.HasPrefix(name, "RESTIC_PASSWORD") {
			return nil, fmt.Errorf("%d: %s: %w", n, name, errReserved)
		}
		if name == "RESTIC_HOST" {
			continue // of the machine that the file is for: restic would hide the snapshots of all others
		}
		value = strings.TrimSpace(value)
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("%d: %s: a value that holds a zero byte", n, name)
		}
		out = append(out, name+"="+value)
	}
	return out, scan.Err()
}

// environment is what restic is given: ours without what would lead it
// elsewhere, then the files', then the repository.
func (c *Config) environment() (env, files []string, err error) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RESTIC_") {
			env = append(env, v)
		}
	}
	if files, err = readEnvironment(c.EnvironmentFiles); err != nil {
		return nil, nil, err
	}
	env = append(env, files...)
	if c.RepositoryFile != "" {
		env = append(env, "RESTIC_REPOSITORY_FILE="+c.RepositoryFile)
	} else {
		env = append(env, "RESTIC_REPOSITORY="+c.Repository)
	}
	return append(env, "RESTIC_PASSWORD_FILE="+c.PasswordFile, "RESTIC_PROGRESS_FPS=0.01"), files, nil
}

// mask takes out of restic's words what must not be seen.
type mask struct{ values []string }

var userinfo = regexp.MustCompile(`://[^/\s@]*:[^/\s]*@`)

func newMask(files []string) mask {
	var m mask
	for _, v := range files {
		if _, value, _ := strings.Cut(v, "="); len(value) >= 4 {
			m.values = append(m.values, value)
		}
	}
	return m
}

func (m mask) clean(s string) string {
	for _, v := range m.values {
		s = strings.ReplaceAll(s, v, "***")
	}
	return userinfo.ReplaceAllString(s, "://***@")
}

//go:build !windows

package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vigie/exporters/misbehave"
)

func TestTextfile(t *testing.T) {
	t.Parallel()
	for name, only := range map[string]bool{"beside the listener": false, "without a listener": true} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			dir := filepath.Join(p.dir, "collected")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "backup.prom")
			args := []string{"--textfile.path=" + file}
			if only {
				ctx, cancel := context.WithCancel(t.Context())
				p.stop, p.code = cancel, make(chan int, 1)
				args = append(args, "--textfile.only", "--config.file="+p.config, "--storage.path="+filepath.Join(p.dir, "data"), "--web.listen-address=256.0.0.1:1")
				go func() { p.code <- run(ctx, args, &p.out, &p.out) }()
			} else {
				p.start(args...)
			}
			read := func() string {
				data, err := os.ReadFile(file)
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return string(data)
			}
			p.eventually("both sources stand in the file", func() bool {
				m := read()
				return strings.Contains(m, `backup_source_up{source="acronis-lab"} 1`) && strings.Contains(m, `backup_source_up{source="veeam-dupont"} 1`)
			})
			checkTextfile(t, file)
			p.acronis.Orders.Add(misbehave.Order{Fault: misbehave.HTML, Times: -1})
			p.eventually("the failure stands in the file", func() bool { return strings.Contains(read(), `backup_source_up{source="acronis-lab"} 0`) })
			if m := read(); !strings.Contains(m, `backup_source_last_refresh_timestamp_seconds{source="acronis-lab"} `) || !strings.Contains(m, `backup_job_info{source="acronis-lab"`) {
				t.Error("the last complete results and their age are not in the file")
			}
			// A folder that cannot be written to leaves the old file, and is told once.
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Fatal(err)
			}
			p.eventually("the trouble is logged", func() bool { return strings.Contains(p.out.String(), "textfile not written") })
			if !only {
				p.eventually("the trouble is counted", func() bool {
					m := p.metrics()
					return strings.Contains(m, "backup_exporter_textfile_write_errors_total ") && !strings.Contains(m, "backup_exporter_textfile_write_errors_total 0")
				})
			}
			if err := os.Rename(dir+"-away", dir); err != nil {
				t.Fatal(err)
			}
			p.acronis.Orders.Clear()
			p.eventually("the file is written again", func() bool { return strings.Contains(read(), `backup_source_up{source="acronis-lab"} 1`) })
			p.end()
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
			if n := strings.Count(p.out.String(), "textfile not written"); n != 1 {
				t.Errorf("logged %d times", n)
			}
		})
	}
}

// checkTextfile holds a file against what the collectors accept.
func checkTextfile(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode() != fs.FileMode(0o644) {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(data, []byte("\n")) || bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) || bytes.Contains(data, []byte("\r")) {
		t.Error("the file has no line feed at its end, or a byte order mark, or carriage returns")
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if strings.HasPrefix(line, "go_") || strings.HasPrefix(line, "process_") || strings.HasPrefix(line, "promhttp_") {
			t.Errorf("the collecting exporter has this itself: %s", line)
		}
		if _, value, ok := strings.Cut(line, "} "); ok && strings.Contains(value, " ") {
			t.Errorf("a time stamp: %s", line)
		}
	}
	problems, err := promlint.New(bytes.NewReader(data)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	promtool := os.Getenv("PROMTOOL")
	if promtool == "" {
		return
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = bytes.NewReader(data)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func TestTextfileFlags(t *testing.T) {
	p := newProcess(t)
	write(t, p.dir, "token", pushToken)
	receiving := write(t, p.dir, "push.yml", "sources: [{name: p, push: {folder: received, customers: {dupont: {name: D, token_file: token}}}}]\n")
	for want, args := range map[string][]string{
		"no port would be open": {"--textfile.only", "--textfile.path=" + p.dir + "/backup.prom", "--config.file=" + receiving},
		"name the file":         {"--textfile.only"}, "ends in .prom": {"--textfile.path=" + p.dir + "/backup.txt"},
		"make the folder": {"--textfile.path=" + p.dir + "/nowhere/backup.prom"}, "is not a folder": {"--textfile.path=" + p.config + "/backup.prom"},
	} {
		var out bytes.Buffer
		exit := 1
		if args[0] == "--textfile.only" {
			exit = exConfig // whatever folders there are
		}
		if want != "no port would be open" {
			args = append(args, "--config.file="+p.config)
		}
		args = append(args, "--storage.path="+filepath.Join(p.dir, "data"), "--web.listen-address=127.0.0.1:0")
		if code := run(t.Context(), args, &out, &out); code != exit || !strings.Contains(out.String(), want) {
			t.Errorf("%v: exit %d, %s", args, code, out.String())
		}
	}
}

//go:build !windows

package resticrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// What real restic does is tested in cmd/backup_exporter. Here a script
// stands in its place, for what real restic does not do on order.

const key = "s3cr3t-0f-the-cl0ud"

type bench struct {
	*sourcetest.Bench
	dir    string
	config *Config
}

// newBench puts a script in restic's place.
func newBench(t *testing.T, script string) *bench {
	t.Helper()
	b := &bench{Bench: sourcetest.New(t, time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)), dir: t.TempDir()}
	b.write("password", "p4ss\n")
	b.write("cloud.env", "# keys\nexport RESTIC_HOST=elsewhere\nexport AWS_ACCESS_KEY_ID=AKIA\nAWS_SECRET_ACCESS_KEY='"+key+"'\n")
	b.script(script)
	b.config = &Config{Binary: filepath.Join(b.dir, "restic"), Repository: "s3:https://s3.example/bucket", PasswordFile: "password", EnvironmentFiles: []string{"cloud.env"},
		Customer: "dupont", CustomerName: "Dupont SA"}
	return b
}

func (b *bench) write(name, text string) {
	b.T.Helper()
	sourcetest.Check(b.T, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

func (b *bench) script(text string) {
	b.T.Helper()
	sourcetest.Check(b.T, os.WriteFile(filepath.Join(b.dir, "restic"), []byte("#!/bin/sh\ncd "+b.dir+"\n"+text+"\n"), 0o700))
}

func (b *bench) start() {
	b.T.Helper()
	sourcetest.Check(b.T, b.config.Validate(b.dir))
	s, err := New(b.config, b.SourceOptions())
	sourcetest.Check(b.T, err)
	b.Poll(sourcetest.Options{Name: "restic-dupont", Engine: Key, Source: s, Timeout: 30 * time.Second})
}

func (b *bench) find(id string) *exporters.Job {
	return b.Find(func(j *exporters.Job) bool { return j.ID == id })
}

const (
	old = `{"time":"2026-03-08T23:00:00.123456789+01:00","paths":["/home"],"hostname":"SRV-AD","tags":["daily","ok"],"id":"a","summary":{"backup_start":"2026-03-08T23:00:00.123456789+01:00","backup_end":"2026-03-08T23:10:00+01:00","total_bytes_processed":300004}}`
	new = `{"time":"2026-03-09T23:00:00+01:00","paths":["/home"],"hostname":"SRV-AD","tags":["daily"],"id":"b","summary":{"backup_start":"2026-03-09T23:00:00+01:00","backup_end":"2026-03-09T23:10:00+01:00","total_bytes_processed":300006}}`
	web = `{"time":"2026-03-10T08:30:00.5+01:00","paths":["/srv"],"hostname":"srv-été","id":"c"}`
	pc  = `{"time":"2026-03-10T07:00:00Z","paths":["C:\\Users"],"hostname":"PC-LEA","tags":["ok"],"id":"d"}`
)

func groups(items ...string) string {
	var out []string
	for _, s := range items {
		host := strings.Split(strings.Split(s, `"hostname":"`)[1], `"`)[0]
		out = append(out, fmt.Sprintf(`{"group_key":{"hostname":%q,"paths":null,"tags":null},"snapshots":[%s]}`, host, s))
	}
	return "[" + strings.Join(out, ",") + "]"
}

// answers lets the script answer the two questions.
func (b *bench) answers(all, tagged string) {
	b.write("all.json", all)
	b.write("tagged.json", tagged)
	b.script(`case "$*" in *--tag*) cat tagged.json;; *) cat all.json;; esac`)
}

func TestGoldenExposition(t *testing.T) {
	b := newBench(t, "")
	b.config.SuccessTag = "ok"
	b.answers(groups(new, web, pc), groups(old, pc))
	b.start()
	b.Refresh()
	b.Golden("exposition.prom")
}

// A snapshot alone proves that restic ran and no more.
func TestWhatASnapshotProves(t *testing.T) {
	at := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		sourcetest.Check(t, err)
		return at
	}
	for name, c := range map[string]struct {
		set     func(*Config)
		want    exporters.Result
		success time.Time
	}{
		"nothing said":        {func(*Config) {}, exporters.Unknown, time.Time{}},
		"snapshot is success": {func(c *Config) { c.SnapshotIsSuccess = true }, exporters.Success, at("2026-03-09T22:10:00Z")},
		"success tag":         {func(c *Config) { c.SuccessTag = "ok" }, exporters.Failed, at("2026-03-08T22:10:00Z")},
		"tag not yet due":     {func(c *Config) { c.SuccessTag, c.TagWithin = "ok", exporters.Duration(24*time.Hour) }, exporters.Success, at("2026-03-08T22:10:00Z")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.answers(groups(new), groups(old))
			c.set(b.config)
			b.start()
			for range 2 {
				b.Refresh()
				j := b.find("srv-ad")
				if j == nil || j.LastResult != c.want || !j.LastSuccess.Equal(c.success) || j.Machine != "SRV-AD" || j.LastSize.IsZero() {
					t.Errorf("%+v", j)
				}
				if len(b.Poller.View().UnknownValues) != 0 {
					t.Errorf("counted %v", b.Poller.View().UnknownValues)
				}
			}
			if b.config.SuccessTag == "" {
				return
			}
			// The wrapper comes late: the same run turns out well.
			tagged := strings.Replace(new, `["daily"]`, `["daily","ok"]`, 1)
			b.answers(groups(tagged), groups(tagged))
			b.Refresh()
			if j := b.find("srv-ad"); j.LastResult != exporters.Success || j.Failures != 0 || !j.LastSuccess.Equal(at("2026-03-09T22:10:00Z")) {
				t.Errorf("tagged late: %+v", j)
			}
		})
	}
}

func TestJobNames(t *testing.T) {
	c := &Config{SuccessTag: "ok"}
	for _, g := range []struct {
		by       []string
		key      groupKey
		id, plan string
	}{
		{[]string{"host"}, groupKey{Host: "SRV-AD", Tags: []string{"x"}}, "srv-ad", "restic"},
		{[]string{"host", "tags"}, groupKey{Host: "SRV-AD", Tags: []string{"ok", "b", "a"}}, "srv-ad/a,b", "a,b"},
		{[]string{"host", "tags"}, groupKey{Host: "SRV-AD", Tags: []string{"ok"}}, "srv-ad", "restic"},
		{[]string{"host", "paths", "tags"}, groupKey{Host: "h", Paths: []string{"/a", "/b"}, Tags: []string{"t"}}, "h/t//a,/b", "t /a,/b"},
	} {
		c.GroupBy = g.by
		if id, plan := c.name(g.key); id != g.id || plan != g.plan {
			t.Errorf("%v %v: %q %q", g.by, g.key, id, plan)
		}
	}
	c.GroupBy = []string{"host", "paths"}
	one, _ := c.name(groupKey{Host: "h", Paths: []string{strings.Repeat("長", 300), "a"}})
	two, _ := c.name(groupKey{Host: "h", Paths: []string{strings.Repeat("長", 300), "b"}})
	if one == two || len(one) > maxID+20 {
		t.Errorf("%d bytes, the same %v", len(one), one == two)
	}
}

// A machine whose snapshots were all forgotten stays visible while it grows old.
func TestForgottenMachine(t *testing.T) {
	b := newBench(t, "")
	b.config.SnapshotIsSuccess = true
	b.answers(groups(new, pc), "")
	b.start()
	b.Refresh()
	b.answers(groups(pc), "")
	for day := range 31 {
		b.Clock.Advance(24 * time.Hour)
		if day == 10 {
			sourcetest.Check(t, b.Poller.Save())
			b.start()
		}
		b.Refresh()
		if j := b.find("srv-ad"); day < 30 && (j == nil || j.LastSuccess.IsZero() || j.Machine != "SRV-AD") {
			t.Fatalf("day %d: %+v", day, j)
		}
	}
	b.Clock.Advance(24 * time.Hour)
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if b.find("srv-ad") != nil || b.find("pc-lea") == nil {
		t.Error("the wrong one was forgotten")
	}
	b.config.Ignore = []string{"pc-*"}
	b.start()
	for range exporters.DefaultGrace + 1 {
		b.Refresh()
	}
	if b.find("pc-lea") != nil {
		t.Error("ignored and shown")
	}
}

// Whatever goes wrong, the last complete reading stays and no secret comes out.
func TestTroubleKeepsTheOldSnapshot(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		reason exporters.Reason
		text   string
	}{
		"wrong password":      {`echo '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}' >&2; exit 12`, exporters.ReasonAuth, "wrong password"},
		"of an older restic":  {`echo 'Fatal: wrong password or no key found' >&2; exit 1`, exporters.ReasonAuth, "wrong password"},
		"no repository":       {`printf 'Fatal: unable to open config file\nIs there a repository at the following location?\n/x\n' >&2; exit 10`, exporters.ReasonNotFound, "unable to open"},
		"locked":              {`echo 'Fatal: unable to create lock in backend: repository is already locked' >&2; exit 11`, exporters.ReasonOther, "locked"},
		"unreachable":         {`printf 'Fatal: unable to open config file: dial tcp: connection refused\nIs there a repository at the following location?\n' >&2; exit 1`, exporters.ReasonUnreachable, "refused"},
		"access denied":       {`echo 'Fatal: Stat: Access Denied.' >&2; exit 1`, exporters.ReasonForbidden, "Denied"},
		"secrets in words":    {`echo "Fatal: rest:https://user:hunter22@host/ and $AWS_SECRET_ACCESS_KEY" >&2; exit 1`, exporters.ReasonOther, "://***@host"},
		"killed":              {`kill -KILL $$`, exporters.ReasonOther, "restic ended with -1"},
		"a snapshot left out": {`cat all.json; echo 'could not load snapshot 5613865d: invalid data returned' >&2`, exporters.ReasonIncomplete, "left out"},
		"truncated":           {`head -c 100 all.json`, exporters.ReasonMalformed, "unexpected end"},
		"HTML":                {`echo '<html>maintenance</html>'`, exporters.ReasonMalformed, "invalid character"},
		"nothing":             {`exit 0`, exporters.ReasonMalformed, "unexpected end"},
		"another shape":       {`echo '[{"time":"2026-03-09T23:00:00+01:00"}]'`, exporters.ReasonMalformed, "without snapshots"},
		"endless":             {`exec yes '[{"group_key":'`, exporters.ReasonTimeout, "did not end"},
		"too much":            {`head -c 70000000 /dev/zero`, exporters.ReasonIncomplete, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "")
			b.config.SnapshotIsSuccess, b.config.CommandTimeout = true, exporters.Duration(20*time.Second)
			b.answers(groups(new), "")
			b.start()
			b.Refresh()
			before := b.Poller.View()
			if name == "endless" {
				b.config.CommandTimeout = exporters.Duration(time.Second)
			}
			b.script(c.script)
			b.Clock.Advance(time.Hour)
			err := b.Poller.Refresh(t.Context())
			if exporters.ReasonOf(err) != c.reason || err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %s with %q", err, c.reason, c.text)
			}
			if all := fmt.Sprint(err) + b.Log.String() + b.Metrics(); strings.Contains(all, key) || strings.Contains(all, "hunter22") {
				t.Errorf("a secret comes out: %s", all)
			}
			after := b.Poller.View()
			if after.Up || !after.LastRefresh.Equal(before.LastRefresh) || b.find("srv-ad") == nil {
				t.Errorf("up %v, refreshed %v", after.Up, after.LastRefresh)
			}
		})
	}
}

// The end of restic ends what it started.
func TestHangingRestic(t *testing.T) {
	b := newBench(t, "sleep 300 & echo $! >child; wait")
	b.config.CommandTimeout = exporters.Duration(time.Second)
	b.start()
	if err := b.Poller.Refresh(t.Context()); exporters.ReasonOf(err) != exporters.ReasonTimeout {
		t.Fatalf("%v", err)
	}
	text, err := os.ReadFile(filepath.Join(b.dir, "child"))
	sourcetest.Check(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	sourcetest.Check(t, err)
	for range 200 {
		if err := syscall.Kill(pid, 0); err != nil {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return // ended, and not yet collected
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("what restic started still runs")
}

// It is called for reading, with what the configuration says and nothing else
// that restic heeds.
func TestCall(t *testing.T) {
	t.Setenv("RESTIC_PASSWORD_COMMAND", "elsewhere")
	t.Setenv("RESTIC_REPOSITORY", "elsewhere")
	b := newBench(t, `echo "$*" >args; env >env; echo '[]'`)
	b.config.GroupBy, b.config.SuccessTag = []string{"host", "tags"}, "ok"
	b.start()
	b.Refresh()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(b.dir, name))
		sourcetest.Check(t, err)
		return string(data)
	}
	if got := strings.TrimSpace(read("args")); got != "snapshots --json --no-lock --group-by host,tags --no-cache --tag ok" {
		t.Errorf("called with %q", got)
	}
	env := read("env")
	for _, want := range []string{"AWS_SECRET_ACCESS_KEY=" + key + "\n", "RESTIC_REPOSITORY=s3:https://s3.example/bucket\n", "RESTIC_PASSWORD_FILE=" + b.dir + "/password\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(env, "elsewhere") {
		t.Error("restic is led elsewhere")
	}
}

func TestConfigIsStrict(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"password": "x", "repository": "rest:https://u:p@host/", "good.env": "A=b\n", "bad.env": "A=b\nnot a line " + key + "\n", "reserved.env": "RESTIC_PASSWORD=x\n"} {
		sourcetest.Check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	const good = "binary: /bin/true\nrepository: sftp:backup@host:/srv\npassword_file: password\ncustomer: d\n"
	for text, want := range map[string]string{
		good: "", strings.Replace(good, "sftp:backup@host:/srv", "rest:https://u:p@host/", 1): "holds a password", strings.Replace(good, "repository: sftp:backup@host:/srv", "repository_file: repository", 1): "",
		good + "repository_file: repository": "given together", strings.Replace(good, "/bin/true", "/nowhere", 1): "full path", strings.Replace(good, "password_file: password\n", "", 1): "password_file",
		good + "environment_files: [good.env]": "", good + "environment_files: [bad.env]": "bad.env:2: not a line", good + "environment_files: [reserved.env]": "keys of their own", good + "environment_files: [gone.env]": "no such file",
		good + "group_by: [tags]": "without host", good + "group_by: [host, host]": "stands twice", good + "snapshot_is_success: true\nsuccess_tag: ok": "keep one", good + "success_tag: 'a,b'": "not one tag",
		good + "ignore: ['[']": "no pattern", good + "machine_class: laptop": "no class", good + "backup_role: main": "no role", good + "command_timeout: 1ms": "shorter than", good + "no_lock: false": "unknown key",
		strings.Replace(good, "customer: d\n", "", 1): "customer",
	} {
		err := sourcetest.ReadSettings[Config](t, Key, dir, text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzSnapshots(f *testing.F) {
	f.Add([]byte(groups(new, web)), []byte(groups(old)), "ok")
	f.Add([]byte("null"), []byte("[]"), "")
	f.Fuzz(func(t *testing.T, a, b []byte, tag string) {
		all, err := parse(a, &exporters.Oddities{})
		if err != nil {
			return
		}
		tagged, err := parse(b, &exporters.Oddities{})
		if err != nil {
			return
		}
		c := &Config{Customer: "c", GroupBy: []string{"host", "tags", "paths"}, SuccessTag: tag, MachineClass: exporters.Server, ForgetAfter: exporters.Duration(24 * time.Hour)}
		k := knowledge{jobs: map[string]*known{}}
		for range 2 {
			seen := map[string]bool{}
			for _, j := range k.build(c, all, tagged, time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)) {
				if seen[j.ID] || j.ID == "" {
					t.Errorf("%q stands twice or is empty", j.ID)
				}
				seen[j.ID] = true
				for _, r := range j.Runs {
					if r.Result == exporters.Success && tag == "" {
						t.Errorf("%s became a success", j.ID)
					}
				}
			}
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	f.Add([]byte("# x\nexport A='b c'\nB=\"\"\n\xef\xbb\xbfC=d\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		vars, err := parseEnvironment(data)
		if err != nil {
			return
		}
		for _, v := range vars {
			name, _, ok := strings.Cut(v, "=")
			if !ok || !envName.MatchString(name) || strings.ContainsAny(v, "\n\x00") || strings.HasPrefix(name, "RESTIC_PASSWORD") {
				t.Errorf("%q", v)
			}
		}
		newMask(vars).clean(string(data))
	})
}

// One snapshot or group that nobody can read costs itself, and is counted.
func TestOddSnapshotsCostThemselves(t *testing.T) {
	var odd exporters.Oddities
	got, err := parse([]byte(`[null,{"group_key":{"hostname":"a","paths":null,"tags":null},"snapshots":[{"time":"never"},{"time":"2026-03-09T22:00:00.5+01:00","tags":"x","summary":{"total_bytes_processed":"7.0","new":[1]}}]},
		{"group_key":{"hostname":"b"},"snapshots":[{}]},{"group_key":{"hostname":"c"},"snapshots":{}},"x"]`), &odd)
	if err != nil || len(got) != 1 || got[0].Key.Host != "a" {
		t.Fatalf("%+v, %v", got, err)
	}
	var out exporters.Snapshot
	odd.Tell(&out)
	if len(out.UnknownValues) == 0 || out.UnknownValues["groups.row"] != 1 || out.UnknownValues["groups.snapshots"] != 1 {
		t.Errorf("%v", out.UnknownValues)
	}
	c := &Config{Customer: "c", GroupBy: []string{"host"}, MachineClass: exporters.Server, SnapshotIsSuccess: true}
	k := knowledge{jobs: map[string]*known{}}
	jobs := k.build(c, got, nil, time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC))
	if len(jobs) != 1 || len(jobs[0].Runs) != 1 || jobs[0].Runs[0].Result != exporters.Success {
		t.Errorf("%+v", jobs)
	}
}

// A clock that was ahead once left a snapshot behind, which is restic's latest for years.
func TestSnapshotOfAClockThatWasAhead(t *testing.T) {
	ahead := strings.NewReplacer("2026-03-09", "2028-03-09", `"id":"b"`, `"id":"e"`).Replace(new)
	b := newBench(t, "")
	b.config.SnapshotIsSuccess = true
	b.answers(groups(old+","+ahead+","+new), "[]")
	b.start()
	b.Refresh()
	if got := b.find("srv-ad"); got == nil || got.LastSuccess.UTC().Format(time.RFC3339) != "2026-03-09T22:10:00Z" {
		t.Errorf("%+v", got)
	}
}

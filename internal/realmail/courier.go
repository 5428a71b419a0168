//go:build linux

package realmail

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// courierRun starts the daemon that knows the user, and the server, with the
// settings that Debian ships but for what is to be offered.
const courierRun = `set -e
mkdir -p /run/courier/authdaemon
makeuserdb -f /etc/courier/userdb
/usr/lib/courier/courier-authlib/authdaemond >>/etc/courier/log 2>&1 &
for i in $(seq 50); do [ -S /run/courier/authdaemon/socket ] && break; sleep 0.1; done
set -a
. "$0/etc/courier/imapd"
IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
exec couriertcpd -address=127.0.0.1 -maxprocs=10 -nodnslookup -noidentlookup "$1" /usr/lib/courier/courier/imaplogin /usr/bin/imapd "$2" >>/etc/courier/log 2>&1
`

// Courier runs one that knows a user by a password. It has no MOVE, and its folders
// lie below INBOX. It needs root, for it changes to the user's id.
func Courier(t testing.TB, user, password string) *Maildir {
	t.Helper()
	run := Unpacked(t, "courier")
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: Courier was not run: it needs root")
	}
	dir, err := os.MkdirTemp("/tmp", "courier") // short: it holds sockets
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, sub := range []string{"", "etc", "run", "home", filepath.Join("home", user)} {
		check(t, os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	check(t, os.Chmod(dir, 0o755))
	home := filepath.Join(dir, "home", user)
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		check(t, os.MkdirAll(filepath.Join(home, sub), 0o777))
		check(t, os.Chmod(filepath.Join(home, sub), 0o777))
	}
	check(t, os.Chown(home, nobody, nobody))
	hash, err := exec.CommandContext(t.Context(), "perl", "-e", `print crypt($ARGV[0], "\$6\$ab\$")`, password).Output()
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "etc", "authdaemonrc"), []byte("authmodulelist=\"authuserdb\"\nauthmodulelistorig=\"authuserdb\"\n"+
		"daemons=2\nauthdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=\"\"\nLOGGEROPTS=\"\"\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "etc", "userdb"), fmt.Appendf(nil, "%s\tuid=%d|gid=%d|home=%s|mail=%s|systempw=%s\n", user, nobody, nobody, home, home, hash), 0o600))
	port := FreePort(t)
	d := &Maildir{t: t, Dir: home, Address: fmt.Sprintf("127.0.0.1:%d", port)}
	cmd := run("bash", "-c", courierRun, filepath.Join(cache(t), "root"), fmt.Sprint(port), home)
	cmd.Env = append(os.Environ(), "UNPACKED_BIND="+filepath.Join(dir, "etc")+":/etc/courier "+filepath.Join(dir, "run")+":/run/courier")
	Serve(t, cmd, d.Address, filepath.Join(dir, "etc", "log"))
	return d
}

// nobody is the id of the user to whom mailboxes belong.
const nobody = 65534

// Folder makes a folder of the mailbox, as Courier and Dovecot lay them out.
func (d *Maildir) Folder(name string) {
	d.t.Helper()
	dir := filepath.Join(d.Dir, "."+name)
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		check(d.t, os.MkdirAll(filepath.Join(dir, sub), 0o777))
		check(d.t, os.Chmod(filepath.Join(dir, sub), 0o777))
	}
	check(d.t, os.WriteFile(filepath.Join(dir, "maildirfolder"), nil, 0o666))
}

// stop ends a server and all that it started.
func stop(cmd *exec.Cmd) {
	group := fmt.Sprintf("-%d", cmd.Process.Pid)
	for signal := range strings.FieldsSeq("-TERM -KILL") {
		_ = exec.Command("kill", signal, "--", group).Run() // it may have ended
		time.Sleep(200 * time.Millisecond)
	}
	_ = cmd.Wait()
}

package inbox

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Mails as senders and servers make them, also where they are not as they should
// be: the plain text against the page, characters that are called something else,
// encodings of no kind, what a reader does not see, and mails that somebody passes
// on. None of them is a success but what says so alone.
func TestMailsAsTheyCome(t *testing.T) {
	rs, err := LoadRules(append(shippedRules(t), moreRules(t)...))
	check(t, err)
	const (
		subject = "Subject: [NAS-07] Hyper Backup: report\nMIME-Version: 1.0\n"
		failed  = "Your backup task Photos has failed."
		good    = "Your backup task Photos has completed."
		french  = "Votre tâche de sauvegarde Photos n’a pas été terminée."
		bad     = "synology/nas-07/photos failed - 10T03:20"
	)
	alternative := func(plain, page string) string {
		return subject + "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n" + plain + "\n--b\nContent-Type: text/html; charset=utf-8\n\n" + page + "\n--b--\n"
	}
	mixed := func(first, kind, second string) string {
		return subject + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" + first + "\n--b\nContent-Type: " + kind + "\n\n" + second + "\n--b--\n"
	}
	latin := strings.NewReplacer("â", "\xe2", "’", "\x92", "é", "\xe9").Replace(french)
	text := func(head, body string) string { return subject + head + "\n\n" + body + "\n" }
	page := func(body string) string { return text("Content-Type: text/html; charset=utf-8", body) }
	encoded := base64.StdEncoding.EncodeToString([]byte(failed + "\n"))
	for name, c := range map[string]struct{ mail, want string }{
		"the page is worse":             {alternative(good, "<p>"+failed+"</p>"), bad},
		"the plain text is worse":       {alternative(failed, "<p>"+good+"</p>"), bad},
		"the plain text says nothing":   {alternative("This is an HTML mail.", "<p>"+failed+"</p>"), bad},
		"Windows' as ISO's Latin":       {text("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit", latin), bad},
		"Windows' Latin as UTF-8":       {text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", latin), bad},
		"UTF-8 as Latin":                {text("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit", french), bad},
		"UTF-8 as Windows' Latin":       {text("Content-Type: text/plain; charset=windows-1252\nContent-Transfer-Encoding: 8bit", french), bad},
		"UTF-8 as ASCII":                {text("Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 8bit", french), bad},
		"UTF-8 without a word":          {text("X: y", french), bad},
		"an encoding of no kind":        {text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: utf-8", failed), bad},
		"another":                       {text("Content-Transfer-Encoding: 8-bit", failed), bad},
		"a type without a kind":         {text("Content-Type: text", failed), bad},
		"base64 without padding":        {text("Content-Transfer-Encoding: base64", strings.TrimRight(encoded, "=")), bad},
		"base64 with odd line ends":     {text("Content-Transfer-Encoding: base64", encoded[:8]+" \n\n "+encoded[8:20]+"\r\r\n"+encoded[20:]), bad},
		"base64 with a list's footer":   {text("Content-Transfer-Encoding: base64", encoded+"\n\n_____\nTo leave the list write to list-leave@b.example"), bad},
		"base64 below a notice":         {text("Content-Transfer-Encoding: base64", "CAUTION: This mail comes from outside.\n\n"+encoded), bad},
		"base64 between words":          {text("Content-Transfer-Encoding: base64", "External\n\n"+base64.StdEncoding.EncodeToString([]byte(failed+strings.Repeat("\nmore of it", 9)))+"\n-- \nScanned by the gateway\n"), bad},
		"base64 of pieces":              {text("Content-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte(failed[:10]))+"\n"+base64.StdEncoding.EncodeToString([]byte(failed[10:]))), bad},
		"a word broken by its encoding": {text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable", "Your backup task Photos has fail=\ned=\n."), bad},
		"a NUL in what bears none":      {text("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable", "\x00Your backup task Photos has fail=\ned.\x0c"), bad},
		"a page that Postfix broke":     {page("<p>" + strings.Repeat("x", 959) + "</p><p>Your backup task Photos has f\n ailed.</p>"), bad},
		"words beside the subject":      {page(`<body><div style="display: none; max-height:0"><div>x</div>` + good + `</div><p>` + failed + `</p></body>`), bad},
		"a hidden cell":                 {page(`<table><tr><td hidden>` + good + `<td>` + failed + `</table>`), bad},
		"two hidden cells":              {page(`<table><tr><td hidden>` + good + `<td hidden>` + good + `<td>` + failed + `</table>`), bad},
		"a table in a hidden cell":      {page(`<table><tr><td hidden><table><tr><td>` + good + `</table></td></tr></table>`), "unsorted"},
		"hidden words alone":            {page(`<span style="visibility:hidden">` + good + `</span>`), "unsorted"},
		"a log beside the text":         {mixed("See the log.", "text/plain; name=old.log", good), "unsorted"},
		"a log that is shown":           {mixed("See the log.", "text/plain\nContent-Disposition: inline; filename=old.log", good), "unsorted"},
		"a mail in the mail":            {mixed("See below.", "message/rfc822", "Subject: y\n\n"+good), "unsorted"},
		"Gmail's forward":               {page(`<div>---------- Forwarded message ---------<br>De : <b>NAS</b> &lt;n@x&gt;<br>Date: mar. 10 mars 2026 &agrave; 01:00<br>Subject: x<br></div>` + good), "unsorted"},
		"Gmail's answer, no mark":       {page(`<div>Vu</div><div>Le mar. 10 mars 2026 &agrave; 01:00, NAS &lt;<a>n@x.example</a>&gt; a &eacute;crit&nbsp;:<br></div><blockquote>` + good + `</blockquote>`), "unsorted"},
		"Apple's answer, no mark":       {page(`<div>OK</div><div>On 10 Mar 2026, at 01:00, NAS &lt;n@x.example&gt; wrote:</div><blockquote type="cite"><div>` + good + `</div></blockquote>`), "unsorted"},
		"Thunderbird's, German, broken": {text("Content-Type: text/plain; charset=utf-8", "Am 10.03.2026 um 01:00 schrieb NAS Photos mit einem langen Namen\n<n@x.example>:\n\n"+good), "unsorted"},
		"what a report says of writing": {text("X: y", "On 10 March 3 files were written:\n"+good), "synology/nas-07/photos success - 10T03:20"},
		"how many files were written":   {text("X: y", "On 10 March 2026 the job wrote 3 files:\n"+good), "synology/nas-07/photos success - 10T03:20"},
		"the same in French":            {text("Content-Type: text/plain; charset=utf-8", "Le 10/03/2026 le script a écrit 12 Mo :\n"+good), "synology/nas-07/photos success - 10T03:20"},
		"Zimbra's answer, French":       {text("X: y", "Vu.\n\n----- Mail original -----\nDe: NAS\n\n"+good), "unsorted"},
		"Outlook's forward, French":     {page(`<p>Voir</p><p><b>De&nbsp;:</b> NAS<br><b>Envoy&eacute;&nbsp;:</b> mardi 10 mars 2026 01:00<br><b>&Agrave;&nbsp;:</b> moi<br><b>Objet&nbsp;:</b> x</p><p>` + good + `</p>`), "unsorted"},
		"a telephone's forward":         {text("X: y", "From: NAS <n@x>\nDate: Tue\nSubject: x\n\n"+good), "unsorted"},
		"Thunderbird's forward, French": {text("Content-Type: text/plain; charset=utf-8", "-------- Message transféré --------\nSujet : x\nDate : mar.\n\n"+good), "unsorted"},
		// Passed on, by rules whose subject may begin with anything.
		"a forward, Active Backup":  {"Subject: Fwd: NAS Active Backup for Business - backup task T on NAS completed\n\ndevice: PC\n", "unsorted"},
		"a forward, vzdump":         {"Subject: TR : vzdump backup status (pve1): backup successful\n\n100 srv-ad ok 00:01:00 3.2 GB vm/100/2026-03-08T22:00:02Z\n", "unsorted"},
		"an answer, German":         {"Subject: Antwort: vzdump backup status (pve1): backup successful\n\n100 srv-ad ok 00:01:00 3.2 GB vm/100/2026-03-08T22:00:02Z\n", "unsorted"},
		"a report that is recalled": {"Subject: Rappel : [Success] Nightly (1 VMs)\n\nSRV\tSuccess\t01:00:00\t01:10:00\t1 GB\t1 GB\t1 GB\t0:10:00\t\n", "unsorted"},
		"an answer, Retrospect":     {"Subject: Re: Nightly - 0 errors, 0 warnings - Retrospect\n\nx\n", "unsorted"},
		// The text against the subject.
		"Veeam's agent":      {"Subject: [Success] PC-07 - Job A\nContent-Type: text/html\n\n<p>Veeam Agent</p><table><tr><td>PC-07</td><td>Failed</td><td>01:00:00</td><td>01:02:00</td><td>1 GB</td><td>1 GB</td><td>1 GB</td><td>0:01:00</td><td>x</td></tr></table>\n", "veeam/pc-07/job a failed 10T01:00 10T01:02"},
		"Ahsay":              {"Subject: Backup Report [OK] > srv > Files > Backup 2026-03-09-23-00-00\n\nJob Status\nError (see log)\n", "ahsay/srv/files failed - 10T03:20"},
		"a server's own job": {"Subject: Sync remote 'r' datastore 'main' successful\n\nJob ID: s-1\nSynchronization failed: x\n<https://pbs.example:8007/#x>\n", "proxmox_sync/pbs.example/s-1 failed - 10T03:20"},
		"Xen Orchestra":      {"Subject: [Xen Orchestra] success - Backup report for Nightly\n\n## Global status: failure\n", "xen_orchestra/nightly/xen orchestra failed - 10T03:20"},
	} {
		if got := says(t, rs, c.mail); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	m := read(t, "From MAILER-DAEMON Tue Mar 10 03:20:00 2026\nFrom: a@b.example\nDate: Tue, 10 Mar 2026 03:20:00 +0100\n"+text("X: y", failed))
	if v := rs.Read(&m, m.Date); len(v.Readings) != 1 || v.Readings[0].Report.Result != "failed" {
		t.Errorf("behind an mbox's line: %+v", v)
	}
}

// Rows of the plain text are held against those of the page job by job: a failure that
// the page alone tells is not lost, and a retry is told of in both.
func TestRowsOfThePage(t *testing.T) {
	rs, err := load(t, `schema: 1
timezone: Europe/Paris
rules:
  - name: table
    subject: ^Report$
    rows: '^(?P<customer>\w+)[ \t]+(?P<machine>\w+)[ \t]+(?P<result>\w+)(?:[ \t]+(?P<ended>[\d:]+))?$'
    results: {ok: success, failed: failed}
    set: {engine: e, backup_role: local, machine_class: server}
    times: {layouts: ['15:04']}
    examples: [{mail: example.eml, results: [{customer: a, machine: M, result: success}]}]
`, "From: a@b.example\nSubject: Report\nDate: Tue, 10 Mar 2026 03:20:00 +0100\n\na M ok\n")
	check(t, err)
	for name, c := range map[string]struct{ plain, page, want, unread string }{
		"the same":                {"a A ok\na B ok", "a A ok<br>a B ok", "a/e/a/e success, a/e/b/e success", ""},
		"a retry in both":         {"a A failed 01:00\na A ok 02:00", "a A failed 01:00<br>a A ok 02:00", "a/e/a/e failed, a/e/a/e success", ""},
		"a retry that failed":     {"a A ok 01:00\na A ok 02:00", "a A ok 01:00<br>a A failed 02:00", "a/e/a/e success, a/e/a/e failed", "the plain text and the page tell differently of the job e/a/e"},
		"a machine of two":        {"a A ok\nb A failed", "a A ok<br>b A failed", "a/e/a/e success, b/e/a/e failed", ""},
		"one failed on the page":  {"a A ok", "a A ok<br>a B failed", "a/e/a/e success", "the page alone tells of the job e/b/e"},
		"unknown words of a page": {"a A ok", "a A ok<br>a B odd", "a/e/a/e success", "the page alone tells of the job e/b/e"},
	} {
		m := read(t, "From: a@b.example\nSubject: Report\nDate: Tue, 10 Mar 2026 03:20:00 +0100\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n"+
			c.plain+"\n--b\nContent-Type: text/html\n\n<p>"+c.page+"</p>\n--b--\n")
		v := rs.Read(&m, m.Date)
		var got []string
		for _, r := range v.Readings {
			got = append(got, r.Customer+"/"+r.Report.JobID+" "+r.Report.Result)
		}
		if text := strings.Join(got, ", "); text != c.want || strings.Join(v.Unread, "; ") != c.unread || v.Problem != "" {
			t.Errorf("%s: %s, %q, %s", name, text, v.Unread, v.Problem)
		}
	}
}

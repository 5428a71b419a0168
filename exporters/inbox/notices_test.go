package inbox

import (
	"strings"
	"testing"
)

// The notices are such as companies and mail gateways put on every mail.
func TestNoticesAreNoWarnings(t *testing.T) {
	rs, err := LoadRules(append(shippedRules(t), moreRules(t)...))
	check(t, err)
	const good = "Subject: [NAS-01] Hyper Backup task finished\n\nYour backup task Daily NAS has finished.\n"
	const page = "Subject: [NAS-01] Hyper Backup task finished\nContent-Type: text/html\n\n<p>Your backup task Daily NAS has finished.</p>"
	const agent = "Subject: [Success] PC-LEA - Laptop\n\nVeeam Agent for Microsoft Windows\n"
	for _, c := range []struct{ mail, want string }{
		{good, "success"},
		{good + "\nThis message is confidential and intended for the addressee.\nE-mail transmission cannot be guaranteed to be secure or\nerror-free as information could be intercepted. The sender cannot be\nheld liable for errors or omissions.\n", "success"},
		{good + "\nPlease note that we cannot accept responsibility for viruses; if you have received this e-mail in error, tell the sender.\n", "success"},
		{page + "<p>This e-mail is confidential. Its security cannot be relied upon.</p>", "warning"}, // nobody knows whose words these are
		{page + "<p>This e-mail and its attachments are confidential; e-mails cannot be guaranteed to be error-free.</p>", "success"},
		{strings.Replace(good, "\n\n", "\n\nWARNING: This email originated from outside of the organization. Do not open attachments.\n\n", 1), "success"},
		{strings.Replace(agent, "\n\n", "\n\nWARNING: This e-mail comes from an external sender.\n\n", 1), "success"},
		{strings.Replace(agent, "\n\n", "\n\nAvertissement : ce courriel provient de l'extérieur.\n\n", 1), "success"},
		// What the report says is no notice, whatever stands beside it.
		{good + "\nSome files could not be backed up.\nThis message is confidential.\n", "warning"},
		{good + "\nSome of the files could not be backed up because they are in use by others\nThis message is confidential and was sent by the NAS.\n", "warning"},
		{good + "\nThis message is confidential. Some files could not be backed up.\n", "warning"},
		{good + "\nThe folder Confidential cannot be read.\n", "warning"},
		{good + "\nThe external source folder could not be read.\n", "warning"},
		{good + "\nThe NAS is outside the network and could not be reached.\n", "warning"},
		{good + "\nThis message informs you that some files could not be backed up to the external disk.\n", "warning"},
		{good + "\nThis message: the NAS is outside the network and some files could not be backed up.\n", "warning"},
		{good + "\nCe message vous informe que la destination externe est pleine : some files could not be backed up.\n", "warning"},
		{good + "\nDiese Nachricht betrifft die externe Platte: some files could not be backed up.\n", "warning"},
		{good + "\nAn antivirus program may be responsible: some files could not be backed up.\n", "warning"},
		{good + "\nThe backup was not error-free: some files could not be backed up.\n", "warning"},
		{good + "\nSome files copied from an external source could not be backed up.\n", "warning"},
		{good + "\nSome files received outside the backup window could not be backed up.\n", "warning"},
		{good + "\nCAUTION: This email originated from outside of the organization\nSome files could not be backed up.\n", "warning"},
		{good + "\nThe sender takes no responsibility for this message and all it holds\n3 files could not be backed up.\n", "warning"},
		{strings.Replace(agent, "\n\n", "\n\nCAUTION: This email originated from outside of the organization\nWarning: some disks were skipped.\n\n", 1), "warning"},
		{strings.Replace(agent, "\n\n", "\n\nWarning: This message is from an external source.\n\n", 1), "success"},
		{strings.Replace(agent, "\n\n", "\n\nWarning! External sender: this message was received from outside.\n\n", 1), "success"},
		{good + "\nCe message et ses pièces jointes sont confidentiels. La société ne peut être tenue pour responsable si des fichiers joints n'ont pas été reçus.\n", "success"},
		{"Subject: SRV9 Macrium Reflect - Backup Success\n\nSuccess :)\nFailure count: 2\n", "warning"},
		{"Subject: SRV9 Macrium Reflect - Backup Success\n\nSuccess :)\nFailure count: 0\n", "success"},
		{agent + "Warning: This computer is outside its backup window.\n", "warning"},
	} {
		if got := says(t, rs, c.mail); !strings.Contains(got, " "+c.want+" ") {
			t.Errorf("%s: %s, want %s", c.mail, got, c.want)
		}
	}
}

// Gateways and ticket systems make pages of plain mails: the lines of <pre> are those of
// the mail, also in a table around it.
func TestPreformattedPages(t *testing.T) {
	rs, err := LoadRules(append(shippedRules(t), moreRules(t)...))
	check(t, err)
	const subject = "Subject: arcserve UDP backup\nContent-Type: text/html\n\n"
	const text = "Job Status: Failed\r\nNode Name: SRV-FIC\r\nPlan Name:  Plan A\r\n\r\nMessage: no space\r\n"
	for _, page := range []string{
		"<html><body><pre>" + text + "</pre></body></html>",
		"<table><tr><td><pre>\n" + text + "</pre></td></tr><tr><td>sent by a gateway</td></tr></table>",
		"<table><tr><td><b>CAUTION</b></td></tr></table><pre>" + strings.ReplaceAll(text, "Failed", "<b>Failed</b>") + "</pre>",
	} {
		if got := says(t, rs, subject+page); !strings.HasPrefix(got, "arcserve/srv-fic/plan a failed") {
			t.Errorf("%s: %s", page, got)
		}
	}
}

package imapbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"vigie/internal/clip"
	"vigie/internal/mailread"
)

// maxFoldersTold bounds the names in an error.
const maxFoldersTold = 10

// find gives the full name of a folder, empty if there is none: servers such
// as Courier keep all folders below a prefix, which people leave out.
func (v *visit) find(name string) (string, error) {
	names := []string{name}
	if full := v.prefixed(name); full != "" {
		names = append(names, full)
	}
	for _, name := range names {
		list, err := v.client.List("", name, nil).Collect()
		if err != nil {
			return "", err
		}
		for _, f := range list {
			if sameFolder(f.Mailbox, name) && !slices.Contains(f.Attrs, imap.MailboxAttrNoSelect) && !slices.Contains(f.Attrs, imap.MailboxAttrNonExistent) {
				return f.Mailbox, nil
			}
		}
	}
	return "", nil
}

// prefixed is the name below the prefix of the server's folders; empty if
// there is no prefix, or the name has it.
func (v *visit) prefixed(name string) string {
	if !v.client.Caps().Has(imap.CapNamespace) {
		return ""
	}
	data, err := v.client.Namespace().Wait()
	if err != nil || len(data.Personal) == 0 {
		return "" // it only helps
	}
	prefix := data.Personal[0].Prefix
	if prefix == "" || len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		return ""
	}
	return prefix + name
}

// here says how the server would call a folder, where that is not the same.
func (v *visit) here(name string) string {
	if full := v.prefixed(name); full != "" {
		return fmt.Sprintf(", on this server %q", full)
	}
	return ""
}

// sameFolder: INBOX is the only name whose case does not matter.
func sameFolder(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}

// checkTarget finds the folder to which mails are moved, before any is.
func (v *visit) checkTarget() error {
	if v.MoveTo == "" || v.target != "" {
		return nil
	}
	full, err := v.find(v.MoveTo)
	if err != nil {
		return err
	}
	if full == "" {
		return &Error{Reason: NotFound, After: true,
			Err: fmt.Errorf("there is no folder %q to move mails to%s%s; make it, or name another one in imap.after", v.MoveTo, v.here(v.MoveTo), v.folders())}
	}
	v.target = full
	return nil
}

// folders tells people which ones there are.
func (v *visit) folders() string {
	list, err := v.client.List("", "*", nil).Collect()
	if err != nil || len(list) == 0 {
		return ""
	}
	var names []string
	for _, f := range list[:min(len(list), maxFoldersTold)] {
		names = append(names, fmt.Sprintf("%q", clip.Bytes(mailread.Printable(f.Mailbox), 100)))
	}
	if len(list) > maxFoldersTold {
		names = append(names, "…")
	}
	return " (there are " + strings.Join(names, ", ") + ")"
}

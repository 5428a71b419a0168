package receiver_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
	"vigie/rules"
)

// toTickets are the mails that reached the mailbox of the ticket tool.
func (r *rig) toTickets() []smtpsink.Message {
	return slices.DeleteFunc(r.sink.Messages(), func(m smtpsink.Message) bool { return !slices.Contains(m.Recipients, "expert@msp.example") })
}

// covers: a ticket tool takes each mail, and each to the ticket that it is about: in
// To and in Cc, of one incident and of several, after it ended and failed again.
//
// What such tools look at: GLPI's shipped rule refuses Auto-Submitted unless it says
// no; osTicket takes Precedence and X-Auto-Response-Suppress for an answer by a
// machine as well; all of them follow References before the subject.
func TestTicketToolFollowsAnIncident(t *testing.T) {
	r := newRig(t, 0)
	a, b := backup("dupont", "SRV-AD", "local"), backup("dupont", "NAS-01", "local")
	c := backup("martin", "SRV-FIC", "primary")
	r.fires(dog, a, b)
	r.stride(2*time.Minute, 10*time.Second)
	r.fires(c)
	r.stride(2*time.Minute, 10*time.Second)
	id := r.the("machine=SRV-FIC").ID
	r.act(http.StatusOK, adm1Token, id, "escalate", map[string]string{"reason": "the disk is broken"}) // in Cc, and never told before
	r.stride(2*time.Minute, 10*time.Second)
	r.prom.job(c, 1, r.now(), r.now(), r.now())
	r.clears(c)
	r.stride(3*time.Minute, 10*time.Second)
	r.state(id, "resolved")
	r.stride(time.Hour, time.Minute)
	r.prom.job(c, 3, r.now(), r.now().Add(-time.Hour), r.now())
	r.fires(c)
	r.stride(3*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm2Token, id, "escalate", map[string]string{"reason": "again"})
	r.stride(2*time.Minute, 10*time.Second)

	had := map[string]string{} // what was taken so far, and the ticket of each
	tickets := map[string]int{}
	mark := regexp.MustCompile(`^\[#[0-9]+\] `)
	for _, m := range r.toTickets() {
		for _, name := range []string{"Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "X-Autoreply", "List-Id"} {
			if m.Header(name) != "" {
				t.Errorf("%q bears %s: %s", m.Subject, name, m.Header(name))
			}
		}
		own := mark.FindString(m.Subject)
		if own == "" {
			t.Errorf("%q does not begin with its number", m.Subject)
		}
		refs := strings.Fields(m.Header("References") + " " + m.Header("In-Reply-To"))
		for _, ref := range refs {
			if of, known := had[strings.Trim(ref, "<>")]; !known || of != own {
				t.Errorf("%q refers to %s, of ticket %q", m.Subject, ref, of)
			}
		}
		if tickets[own]++; tickets[own] > 1 && len(refs) == 0 {
			t.Errorf("%q, no. %d of its ticket, refers to nothing", m.Subject, tickets[own])
		}
		had[strings.Trim(m.MessageID, "<>")] = own
	}
	if len(tickets) != 2 || tickets["[#3] "] < 2 {
		t.Errorf("tickets %v, want one of the two local backups and one of the server's, with a mail of each run", tickets)
	}
}

// Redmine takes [#12] of any subject for its own issue 12 (ISSUE_REPLY_SUBJECT_RE of its
// MailHandler) and drops the mail where there is none; osTicket does so where a ticket
// of the sender has that number. A mailbox of theirs has a mark of its own; others keep #.
func TestTicketToolThatHasNumbersOfItsOwn(t *testing.T) {
	r := newRig(t, 0, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) {
			dir := p.Book.Directory.Clone()
			tool := *dir.People["expert"]
			tool.TicketMark = "Vigie-"
			dir.People["expert"] = &tool
			book, err := rules.NewBook(dir, p.Book.Policies()...)
			r.check(err)
			p.Book = book
		}
	})
	r.fires(dog, backup("martin", "SRV-FIC", "primary"))
	r.stride(2*time.Minute, 10*time.Second)
	r.act(http.StatusOK, adm1Token, r.the("machine=SRV-FIC").ID, "escalate", map[string]string{"reason": "the disk is broken"})
	r.stride(2*time.Minute, 10*time.Second)
	tool := regexp.MustCompile(`^\[(?:[^\]]*\s+)?#(\d+)\]`)
	ours, theirs := 0, 0
	for _, m := range r.sink.Messages() {
		if slices.Contains(m.Recipients, "expert@msp.example") {
			theirs++
			if tool.MatchString(m.Subject) || strings.Contains(m.Subject, "#") || !strings.HasPrefix(m.Subject, "[Vigie-1] ") {
				t.Errorf("the tool takes %q for its own", m.Subject)
			}
		} else if strings.HasPrefix(m.Subject, "[#1] ") {
			ours++
		}
	}
	if ours == 0 || theirs == 0 {
		t.Errorf("%d mails to people with #, %d to the tool", ours, theirs)
	}
}

package answers

import (
	"cmp"
	"encoding/json"
	"net/textproto"
	"strings"

	"vigie/internal/clip"
	"vigie/internal/mailread"
)

// amazonNotice is what Amazon SES says of a mail through a topic of SNS: JSON as the text
// of a mail, with a line about the subscription below it.
type amazonNotice struct {
	Notification string `json:"notificationType"`
	Event        string `json:"eventType"` // the same, where events are published
	Mail         struct {
		Source  string `json:"source"` // the envelope sender
		ID      string `json:"messageId"`
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"mail"`
	Bounce struct {
		Type       string    `json:"bounceType"`
		Recipients []noticed `json:"bouncedRecipients"`
	} `json:"bounce"`
	Delay struct {
		Recipients []noticed `json:"delayedRecipients"`
	} `json:"deliveryDelay"`
}

// noticed is one recipient; without a report of the far server there is its address alone.
type noticed struct {
	Address    string `json:"emailAddress"`
	Action     string `json:"action"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnosticCode"`
}

// noticeOf finds a notice in the text of a mail, or in what SNS wraps around it for
// a subscription of the kind email-json; nil for anything else.
func noticeOf(text string) *amazonNotice {
	var wrapped struct {
		Message string `json:"Message"`
	}
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return nil
	}
	// Relays break its one long line, and put a blank before what follows.
	text = strings.ReplaceAll(text, "\n ", "")
	if json.NewDecoder(strings.NewReader(text)).Decode(&wrapped) == nil && wrapped.Message != "" {
		text = wrapped.Message
	}
	var n amazonNotice
	if json.NewDecoder(strings.NewReader(text)).Decode(&n) != nil || n.Mail.ID == "" || n.kind() == "" {
		return nil
	}
	return &n
}

func (n *amazonNotice) kind() string { return cmp.Or(n.Notification, n.Event) }

// notice reads what became of a mail. A complaint, or a mail that Amazon refused to
// send, is for a person to look at.
func (in *Incoming) notice(n *amazonNotice) {
	switch n.kind() {
	case "Bounce":
		failed := "failed"
		if n.Bounce.Type == "Transient" {
			failed = "" // so it calls the answer of somebody who is away, too
		}
		in.noticed(n.Bounce.Recipients, failed)
	case "DeliveryDelay":
		in.noticed(n.Delay.Recipients, "delayed")
	case "Delivery", "Send", "Open", "Click":
		in.Sort = Receipt
	}
	if in.Sort == Unread {
		in.Detail = "a notice of Amazon SES that is not read: " + clip.Bytes(mailread.Printable(strings.TrimSpace(n.kind()+" "+n.Bounce.Type)), 50)
	}
	for _, h := range n.Mail.Headers {
		if strings.EqualFold(h.Name, "Message-ID") {
			in.Answers = append(in.Answers, identifiers(h.Value)...)
		}
	}
}

func (in *Incoming) noticed(recipients []noticed, action string) {
	for _, r := range recipients {
		fields := textproto.MIMEHeader{}
		fields.Set("Action", cmp.Or(r.Action, action))
		fields.Set("Final-Recipient", "rfc822; "+r.Address)
		fields.Set("Status", r.Status)
		fields.Set("Diagnostic-Code", r.Diagnostic)
		in.recipient(fields, "")
	}
}

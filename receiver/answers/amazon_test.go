package answers

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Notices of Amazon SES, after the examples of its developer guide ("Amazon SNS
// notification examples for Amazon SES"), as SNS mails them.
func TestNoticesOfAmazon(t *testing.T) {
	mail := `"mail":{"timestamp":"2016-01-27T14:59:38.237Z","source":"bounce+` + token + `@msp.example","sourceArn":"arn:aws:ses:us-east-1:888888888888:identity/msp.example",` +
		`"messageId":"00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000","destination":["lea@dupont.example"],"headersTruncated":false,` +
		`"headers":[{"name":"From","value":"\"Vigie\" <answers@msp.example>"},{"name":"Message-ID","value":"<aaaa@msp.example>"}],"commonHeaders":{"messageId":"<aaaa@msp.example>","subject":"[#12]"}}`
	const dsn = `{"emailAddress":"lea@dupont.example","status":"5.1.1","action":"failed","diagnosticCode":"smtp; 550 5.1.1 <lea@dupont.example>... User"}`
	for name, x := range map[string]struct {
		text   string
		sort   Sort
		detail string
	}{
		"a bounce with a report":    {`{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","reportingMTA":"dns; email.example.com","bouncedRecipients":[` + dsn + `],"bounceSubType":"General","remoteMtaIp":"127.0.2.0"},` + mail + `}`, Bounced, "5.1.1 550 5.1.1 <lea@dupont.example>... User"},
		"a bounce without a report": {`{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"lea@dupont.example"}]},` + mail + `}`, Bounced, ""},
		"what may be an absence":    {`{"notificationType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"lea@dupont.example"}]},` + mail + `}`, Unread, "a notice of Amazon SES that is not read: Bounce Transient"},
		"a published event":         {`{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[` + dsn + `]},` + mail + `}`, Bounced, "5.1.1 550 5.1.1 <lea@dupont.example>... User"},
		"a delay":                   {`{"eventType":"DeliveryDelay",` + mail + `,"deliveryDelay":{"timestamp":"2020-06-16T00:25:40.095Z","delayType":"TransientCommunicationFailure","expirationTime":"2020-06-16T00:25:40.914Z","delayedRecipients":[{"emailAddress":"lea@dupont.example","status":"4.4.1","diagnosticCode":"smtp; 421 4.4.1 Unable to connect to remote host"}]}}`, Delayed, "4.4.1 421 4.4.1 Unable to connect to remote host"},
		"a delivery":                {`{"notificationType":"Delivery",` + mail + `,"delivery":{"recipients":["lea@dupont.example"],"smtpResponse":"250 ok"}}`, Receipt, ""},
		"a complaint":               {`{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"lea@dupont.example"}],"complaintFeedbackType":"abuse"},` + mail + `}`, Unread, "a notice of Amazon SES that is not read: Complaint"},
		"a mail that is not sent":   {`{"eventType":"Reject",` + mail + `,"reject":{"reason":"Bad content"}}`, Unread, "a notice of Amazon SES that is not read: Reject"},
	} {
		wrapped, err := json.Marshal(map[string]string{"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:888888888888:bounces", "Message": x.text})
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{"text": x.text + "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to unsubscribe:\nhttps://sns.example/unsubscribe\n", "JSON of SNS": string(wrapped), "text that a relay broke": x.text[:90] + "\n " + x.text[90:200] + "\n " + x.text[200:] + "\n"} {
			in := own.Read([]byte("From: AWS Notifications <no-reply@sns.amazonaws.com>\nTo: answers@msp.example\nSubject: AWS Notification Message\nContent-Type: text/plain; charset=UTF-8\n\n" + text))
			if in.Sort != x.sort || in.Detail != x.detail || in.Token != token || !slices.Equal(in.Answers, []string{"aaaa@msp.example"}) || in.Text != "" {
				t.Errorf("%s as %s: %+v", name, form, in)
			}
			if failed := x.sort == Bounced || x.sort == Delayed; failed != slices.Equal(in.Addresses, []string{"lea@dupont.example"}) {
				t.Errorf("%s as %s: addresses %v", name, form, in.Addresses)
			}
		}
	}
	if in := own.Read([]byte("From: lea@dupont.example\nTo: answers@msp.example\n\n{\"mail\": \"is back\"}\n")); in.Sort != Reply || !strings.Contains(in.Text, "is back") {
		t.Errorf("a person's words: %+v", in)
	}
}

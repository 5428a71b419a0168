package mailread

import (
	"regexp"
	"slices"
	"strings"
)

// absence are subjects by which programs answer for people; they do not all
// say so in a header.
var absence = regexp.MustCompile(`(?i)^\s*(auto(matic)?[ -]?(reply|response)|(re *: *)?away from my (e-?)?mail|i( a|')m (away|on (vacation|leave|holidays?))|on vacation|out of (the )?office|(automatische )?abwesenheit|je suis (absente?|en (cong[ée]s?|vacances))|en cong[ée]s?|r[ée]ponse automatique|message d'absence|absence du bureau|absent du bureau)\b`)

// Automatic tells a machine's answer, such as an absence note, by its headers or
// its subject.
func (m *Mail) Automatic() bool {
	h := m.Header
	auto := strings.ToLower(FirstWord(h.Get("Auto-Submitted")))
	return auto == "auto-replied" || h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Autoresponder") || m.vacation() ||
		strings.EqualFold(FirstWord(h.Get("Precedence")), "auto_reply") || absence.MatchString(m.Subject)
}

// vacation tells answers of vacation(1) that follow the examples of its manual:
// the program itself adds no header, so that others look like any mail.
func (m *Mail) vacation() bool {
	return strings.Contains(strings.ToLower(m.Header.Get("Delivered-By-The-Graces-Of")), "vacation") ||
		strings.Contains(strings.ToLower(HeaderText(m.Header.Get("From"))), "via the vacation program")
}

// Report is the kind of a report about another mail, such as delivery-status,
// disposition-notification or feedback-report; empty for anything else.
func (m *Mail) Report() string {
	const status = "delivery-status"
	if kind, params, err := m.Header.ContentType(); err == nil && strings.EqualFold(kind, "multipart/report") {
		return strings.ToLower(params["report-type"])
	}
	if len(m.Reports) > 0 && m.noSender() {
		return status // OpenSMTPD's are no multipart/report
	}
	return ""
}

// noSender tells mails of the mail system itself.
func (m *Mail) noSender() bool {
	return m.Header.Has("Return-Path") && strings.Trim(strings.TrimSpace(m.Header.Get("Return-Path")), "<>") == "" ||
		slices.ContainsFunc(m.From, func(a string) bool { return strings.HasPrefix(a, "mailer-daemon@") })
}

// FirstWord is a header's value without parameters and comments.
func FirstWord(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "(")
	return strings.TrimSpace(s)
}

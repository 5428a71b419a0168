// Package inbox reads the report mails of backup products, from an IMAP
// mailbox or as an SMTP server, by rules that people write.
//
// A mail goes one way whichever door it came through: it is made durable, then
// sorted. What a rule reads becomes results; our own mails, answers of
// machines and what a rule names are ignored and counted; everything else
// waits in a list for a person, and is tried again when the rules change.
//
// A product that sends no mail is not told apart from one that is switched
// off: nothing here invents a result. The age of the last one is the signal.
package inbox

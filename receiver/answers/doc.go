// Package answers takes in the mails that come back: what people reply, bounces,
// and what machines answer for them.
//
// Each transmission has a token, which stands in its envelope sender and in its
// Reply-To, so that whatever comes back names it without being understood. Where
// a server drops it, the Message-ID and the address name it. What names nothing,
// or comes from somebody whom it does not concern, is kept for a person to look
// at and changes no incident.
package answers

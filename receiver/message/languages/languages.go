// Package languages holds what is said to people: a folder for each language,
// named by its BCP 47 tag. To add a language is to add a folder.
//
//	language.yml  its name, and how it writes dates and numbers
//	words.yml     words inside mails
//	pages.yml     words of the pages behind the links of mails
//	site.yml      words of the pages for people who log in
//	reasons.yml   why the program did something
//	refusals.yml  why it did not do what somebody asked for
//	*.tmpl        one mail each, named by what it says; _shared.tmpl is common to them
package languages

import "embed"

// Folders returns the languages that are built in.
func Folders() embed.FS { return folders }

//go:embed all:*
var folders embed.FS // embed knows no other place

package ask

import "vigie/receiver/message/locale"

// Emergency asks a caller of the emergency entry, in both languages at once: only what
// happens is insisted on.
func Emergency(platform, text, who string) []Field {
	return []Field{
		{Name: "platform", Kind: "text", Label: "Plate-forme", Also: "Platform", Value: platform, Most: 200},
		{Name: "text", Kind: "area", Label: "Que se passe-t-il ?", Also: "What is wrong?", Value: text, Required: true, Rows: 6, Most: 4000},
		{Name: "who", Kind: "text", Label: "Votre nom et votre téléphone", Also: "Your name and phone", Value: who, Most: 200},
		{Name: "code", Kind: "password", Label: "Votre code, si vous en avez un", Also: "Your code, if you have one", Most: 200, Complete: "off"},
	}
}

// Login asks who somebody is; incomplete marks what was left empty.
func Login(l locale.Locale, person string, incomplete bool) []Field {
	fields := []Field{
		{Name: "person", Kind: "text", Label: T(l, "login.person"), Value: person, Required: true, Most: 254, Complete: "username", Focus: person == ""},
		{Name: "password", Kind: "password", Label: T(l, "login.password"), Required: true, Most: 200, Complete: "current-password", Focus: person != ""},
	}
	if incomplete {
		Incomplete(l, fields)
	}
	return fields
}

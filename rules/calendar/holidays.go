package calendar

import (
	"slices"
	"time"
)

// The rules for public holidays that a calendar may name.
const (
	// NoHolidays is for services that know no holiday.
	NoHolidays = "none"
	// France is the eleven holidays of the Code du travail, article L3133-1.
	// One that falls on a weekend is not made up for.
	France = "france"
	// FranceAlsaceMoselle adds Good Friday and 26 December.
	FranceAlsaceMoselle = "france_alsace_moselle"
)

// holidayRules returns every rule, in the order in which messages list them.
func holidayRules() []string { return []string{France, FranceAlsaceMoselle, NoHolidays} }

// Holidays returns the public holidays of a year in order. An unknown rule
// has none.
func Holidays(rule string, year int) []Date {
	var dates []Date
	for _, day := range appendHolidays(nil, rule, year) {
		dates = append(dates, day.date())
	}
	slices.SortFunc(dates, Date.Compare)
	// Ascension fell on 1 May in 2008 and will fall on 8 May in 2070.
	return slices.Compact(dates)
}

// appendHolidays appends the holidays of a year, in no order and perhaps one
// of them twice. Counted from 1 March on, a date lies equally far in every
// year: the leap day comes before.
func appendHolidays(days []dayNumber, rule string, year int) []dayNumber {
	if rule != France && rule != FranceAlsaceMoselle {
		return days
	}
	newYear := Date{year, time.January, 1}.number()
	march := Date{year, time.March, 1}.number()
	easter := march + easterAfterMarch(year)

	days = append(days,
		newYear,
		easter+1,  // Easter Monday
		march+61,  // 1 May
		march+68,  // 8 May
		easter+39, // Ascension
		easter+50, // Whit Monday
		march+135, // 14 July
		march+167, // 15 August
		march+245, // 1 November
		march+255, // 11 November
		march+299, // 25 December
	)
	if rule == FranceAlsaceMoselle {
		days = append(days,
			easter-2,  // Good Friday
			march+300, // 26 December
		)
	}
	return days
}

// holidayFrom is the first holiday on or after a day.
func holidayFrom(rule string, day dayNumber) dayNumber {
	if rule == NoHolidays {
		return never
	}
	var room [13]dayNumber
	for year := day.date().Year; ; year++ {
		first := never
		for _, holiday := range appendHolidays(room[:0], rule, year) {
			if holiday >= day {
				first = min(first, holiday)
			}
		}
		if first != never {
			return first
		}
	}
}

// easterAfterMarch is how many days after 1 March Easter Sunday falls, by the
// Gregorian computus of Meeus, Jones and Butcher.
func easterAfterMarch(year int) dayNumber {
	golden := year % 19
	century, yearOfCentury := year/100, year%100
	moon := (19*golden + century - century/4 - (century-(century+8)/25+1)/3 + 15) % 30
	sunday := (32 + 2*(century%4) + 2*(yearOfCentury/4) - moon - yearOfCentury%4) % 7
	late := (golden + 11*moon + 22*sunday) / 451
	return dayNumber(21 + moon + sunday - 7*late)
}

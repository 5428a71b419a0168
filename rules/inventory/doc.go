// Package inventory says who is there: people and how they are reached,
// customers with their machines and platforms, who is on duty, who is away, and
// which days are closed. It reads all of this from YAML, CSV and iCalendar text.
package inventory

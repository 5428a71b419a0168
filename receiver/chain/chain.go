// Package chain says how the chain from the backup products to people's mailboxes
// is: what is read and since when, what waits and why, what is silenced until
// when and by whom. What was not found out is unknown, and says so.
package chain

import (
	"time"

	"vigie/receiver/evidence"
	"vigie/rules/book"
	"vigie/rules/incident"
)

// State is the whole chain at one instant.
type State struct {
	Now     time.Time `json:"now"`
	Version Version   `json:"version"`
	Policy  Policy    `json:"policy"`
	// Links are those that are asked or told: Prometheus, Alertmanagers, exporters
	// and the watcher elsewhere.
	Links   []Link   `json:"links"`
	Sources []Source `json:"sources"`
	// SourcesFault is why the sources are not known.
	SourcesFault string `json:"sources_fault,omitempty"`
	// Unmatched is what products tell of a backup without telling of which, as
	// far as exporters that answer say it.
	Unmatched []evidence.Unmatched `json:"unmatched"`
	Watchdog  Watchdog             `json:"watchdog"`
	// Duty is who is on duty, for each role that a rota fills.
	Duty       []book.DutyRole `json:"duty"`
	Relays     []Relay         `json:"relays"`
	Outbox     Outbox          `json:"outbox"`
	Silences   []Silence       `json:"silences"`
	SilencesAt time.Time       `json:"silences_at,omitzero"` // when an Alertmanager last said them
	Reloads    []Reload        `json:"reloads"`              // newest first
	Loops      []Loop          `json:"loops"`
	Disk       Disk            `json:"disk"`
	Issues     map[string]int  `json:"data_quality_issues"`
	Seal       string          `json:"seal,omitempty"`
	SealedAt   time.Time       `json:"sealed_at,omitzero"`
}

// Version is what program runs.
type Version struct {
	Version  string    `json:"version"`
	Revision string    `json:"revision,omitempty"`
	Go       string    `json:"go"`
	Started  time.Time `json:"started"`
}

// Policy is what decisions are made from.
type Policy struct {
	Hash      string    `json:"hash"`
	Name      string    `json:"name,omitempty"`
	Effective time.Time `json:"effective_from,omitzero"`
}

// Health is how something that is asked does.
type Health string

// The kinds of health.
const (
	Up      Health = "up"
	Down    Health = "down"
	Unknown Health = "unknown" // not asked yet
)

// Link is something that Vigie asks or tells.
type Link struct {
	Kind   string    `json:"kind"` // prometheus, alertmanager, exporter, heartbeat
	Name   string    `json:"name"`
	Health Health    `json:"health"`
	Last   time.Time `json:"last_answer,omitzero"`
	Since  time.Time `json:"down_since,omitzero"`
	Detail string    `json:"detail,omitempty"` // why it does not answer
}

// Source is a product that backups are read from.
type Source struct {
	Name     string    `json:"source"`
	Exporter string    `json:"exporter,omitempty"` // that is to read it, as the inventory says
	Health   Health    `json:"health"`
	Read     time.Time `json:"last_refresh,omitzero"`
	Listed   bool      `json:"in_inventory"`
	Unsorted int       `json:"unsorted_mails,omitempty"` // report mails that no rule reads
}

// Watchdog is the alert that always fires.
type Watchdog struct {
	Health Health        `json:"health"`
	Last   time.Time     `json:"last_received,omitzero"`
	Limit  time.Duration `json:"-"` // how long it may be missing
}

// Relay is a way out to people.
type Relay struct {
	Channel  string    `json:"channel"` // mail, or as the configuration names it
	Servers  []string  `json:"servers,omitempty"`
	Accepted time.Time `json:"last_accepted,omitzero"` // among the newest messages
	Waiting  int       `json:"waiting"`
	Detail   string    `json:"detail,omitempty"` // why the oldest that waits was not taken
}

// Outbox is what has not left yet.
type Outbox struct {
	Pending int       `json:"pending"`
	Oldest  time.Time `json:"oldest,omitzero"`
	Waiting []Waiting `json:"waiting"` // the oldest of it
	More    int       `json:"more,omitempty"`
}

// Waiting is one transmission that has not been accepted.
type Waiting struct {
	Message   string    `json:"message_id,omitempty"`
	Template  string    `json:"template"`
	Subject   string    `json:"subject,omitempty"`
	Incidents []string  `json:"incidents"`
	Address   string    `json:"address"`
	Status    string    `json:"status"` // held, pending, sending
	Attempts  int       `json:"attempts"`
	Next      time.Time `json:"next_try,omitzero"`
	Detail    string    `json:"detail,omitempty"`
	Decided   time.Time `json:"decided_at,omitzero"`
}

// Silence is one that runs in an Alertmanager.
type Silence struct {
	incident.Silence
	Long  bool `json:"too_long,omitempty"`
	Broad bool `json:"too_broad,omitempty"`
}

// Loop is one of the engine's own.
type Loop struct {
	Name string    `json:"loop"`
	Last time.Time `json:"last_turn"`
}

// Disk is the room of the database's file system, in bytes.
type Disk struct {
	Free uint64 `json:"free_bytes,omitempty"`
	Size uint64 `json:"size_bytes,omitempty"`
}

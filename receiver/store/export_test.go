package store

import (
	"fmt"

	"vigie/receiver/store/sqlite"
)

// On returns options for a database on another layer under SQLite, which syncs
// otherwise; "" leaves either as it is.
func (o Options) On(vfs, synchronous string) Options {
	o.file = sqlite.Options{VFS: vfs, Synchronous: synchronous}
	return o
}

// Exec runs a statement as it stands.
func (tx *Tx) Exec(text string, args ...any) error {
	_, err := tx.q.Exec(text, args...)
	return err
}

// Number asks for one number.
func (tx *Tx) Number(text string, args ...any) (int64, error) { return tx.number(text, args...) }

// Texts asks for texts.
func (tx *Tx) Texts(text string, args ...any) ([]string, error) { return tx.texts(text, args...) }

// Unpacked asks for ids and for the JSON that their rows hold.
func (tx *Tx) Unpacked(text string, args ...any) ([][2]string, error) {
	return tx.unpacked(text, args...)
}

// Reword changes the JSON of an incident's row, as another build may have written it,
// and returns what it was.
func (tx *Tx) Reword(id string, how func(text string) string) (was string, err error) {
	rows, err := tx.unpacked(`SELECT id, value FROM incident WHERE id = ?`, id)
	if err != nil || len(rows) != 1 {
		return "", fmt.Errorf("%d rows: %w", len(rows), err)
	}
	if how == nil {
		return rows[0][1], nil
	}
	value, err := tx.packer.Pack([]byte(how(rows[0][1])))
	if err != nil {
		return "", err
	}
	return rows[0][1], tx.Exec(`UPDATE incident SET value = ? WHERE id = ?`, value, id)
}

package store

// On returns options for a database on another layer under SQLite, which syncs
// otherwise; "" leaves either as it is.
func (o Options) On(vfs, synchronous string) Options {
	o.vfs, o.synchronous = vfs, synchronous
	return o
}

// Exec runs a statement as it stands.
func (tx *Tx) Exec(text string, args ...any) error {
	_, err := tx.q.Exec(text, args...)
	return err
}

// Number asks for one number.
func (tx *Tx) Number(text string, args ...any) (int64, error) { return tx.number(text, args...) }

package store

// Value returns what is remembered of the installation under a name, or "".
func (tx *statements) Value(name string) (string, error) {
	vs, err := tx.texts(`SELECT value FROM fact WHERE name = ?`, name)
	if err != nil || len(vs) == 0 {
		return "", err
	}
	return vs[0], nil
}

// SetValue remembers a value under a name.
func (tx *statements) SetValue(name, value string) error {
	if err := tx.locked(ValueHandle(name)); err != nil {
		return err
	}
	_, err := tx.beside().q.Exec(`INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

package store

// Fact returns a remembered fact about the installation, or "".
func (tx *statements) Fact(name string) (string, error) {
	vs, err := tx.texts(`SELECT value FROM fact WHERE name = ?`, name)
	if err != nil || len(vs) == 0 {
		return "", err
	}
	return vs[0], nil
}

// SetFact remembers a fact.
func (tx *statements) SetFact(name, value string) error {
	if err := tx.locked(FactHandle(name)); err != nil {
		return err
	}
	_, err := tx.beside().q.Exec(`INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

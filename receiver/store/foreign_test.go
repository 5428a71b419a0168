package store_test

import (
	"strings"
	"testing"

	"vigie/receiver/store"
	"vigie/rules/incident"
)

// What a newer build has written into a row is there after this one has written it.
func TestRowsOfANewerBuild(t *testing.T) { onBoth(t, testRowsOfANewerBuild) }

func testRowsOfANewerBuild(t *testing.T, database string) {
	s := open(t, database)
	const later = `"later":{"why":"<known to a newer one>"}`
	notification := incident.Notification{ID: "n1", IncidentID: "i1", BundleKey: "b", HoldUntil: now}
	update := func(what string, fn func(tx *store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	update("save", func(tx *store.Tx) error { return tx.Save(record(1)) })
	update("notify", func(tx *store.Tx) error { return tx.Outbox.Notify(notification) })
	update("keep a mail", func(tx *store.Tx) error {
		_, err := tx.Letterbox.KeepMail(store.Mail{ID: "m1", Received: now, Open: true})
		return err
	})
	add := func(text string) string { return strings.TrimSuffix(text, "}") + "," + later + "}" }
	update("the newer build writes", func(tx *store.Tx) error {
		_, err := tx.Reword("i1", func(text string) string {
			return add(strings.Replace(text, `"firing":true`, `"firing":true,`+later, 1))
		})
		return err
	})
	for _, row := range []string{"notification", "mail"} {
		update("the newer build writes a "+row, func(tx *store.Tx) error {
			was, err := tx.Unpacked(`SELECT id, value FROM ` + row)
			if err != nil {
				return err
			}
			return tx.Exec(`UPDATE `+row+` SET value = ?`, []byte(add(was[0][1])))
		})
	}
	update("this build writes", func(tx *store.Tx) error {
		r, err := tx.Incident("i1")
		if err != nil {
			return err
		}
		r.Failures = 5
		if err := tx.Save(r); err != nil {
			return err
		}
		r.Failures = 6 // again, in the same transaction
		if err := tx.Save(r); err != nil {
			return err
		}
		notification.Reason = "something else"
		if err := tx.Outbox.Rewrite(notification); err != nil {
			return err
		}
		return tx.Letterbox.SaveMail(store.Mail{ID: "m1", Received: now})
	})
	update("look", func(tx *store.Tx) error {
		text, err := tx.Reword("i1", nil)
		if strings.Count(text, later) != 2 || !strings.Contains(text, `"failures":6`) {
			t.Errorf("the incident has become %s", text)
		}
		for row, word := range map[string]string{"notification": "something else", "mail": `"open":false`} {
			if text, err := tx.Unpacked(`SELECT id, value FROM ` + row); err != nil || !strings.Contains(text[0][1], later) || !strings.Contains(text[0][1], word) {
				t.Errorf("the %s has become %s (%v)", row, text, err)
			}
		}
		return err
	})
}

-- By which channel a message goes to a recipient; empty for e-mail.
ALTER TABLE transmission ADD COLUMN channel TEXT NOT NULL DEFAULT '';

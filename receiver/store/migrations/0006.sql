-- What comes back for messages.

-- By which a bounce or an answer names its transmission; empty for what was made
-- by an older version, or goes another way than mail.
ALTER TABLE transmission ADD COLUMN token TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX transmission_token ON transmission (token) WHERE token <> '';

-- Mails that were taken in, each once; open while a person has to look at it.
CREATE TABLE mail (
    id          TEXT    PRIMARY KEY NOT NULL,
    received_at BIGINT  NOT NULL,
    sort        TEXT    NOT NULL,
    open        INTEGER NOT NULL,
    value       BLOB    NOT NULL
) WITHOUT ROWID;
CREATE INDEX mail_received ON mail (received_at, id);
CREATE INDEX mail_open     ON mail (received_at, id) WHERE open = 1;

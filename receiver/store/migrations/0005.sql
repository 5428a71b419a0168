-- Rows that are found by their key alone lie in its order, without a number of
-- their own and a second tree that leads from the key to it.

CREATE TABLE alert_by_key (
    fingerprint TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    firing      INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, incident)
) WITHOUT ROWID;
INSERT INTO alert_by_key (fingerprint, incident, source, firing)
    SELECT fingerprint, incident, source, firing FROM alert ORDER BY fingerprint, incident;
DROP TABLE alert;
ALTER TABLE alert_by_key RENAME TO alert;
CREATE INDEX alert_source ON alert (source) WHERE firing = 1 AND source <> '';

CREATE TABLE journal_by_key (
    chain      TEXT   NOT NULL,
    line       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    what       TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    commitment BLOB,
    previous   BLOB,
    hash       BLOB   NOT NULL,
    PRIMARY KEY (chain, line)
) WITHOUT ROWID;
INSERT INTO journal_by_key (chain, line, at, kind, what, actor, reason, commitment, previous, hash)
    SELECT chain, line, at, kind, what, actor, reason, commitment, previous, hash FROM journal ORDER BY chain, line;
DROP TABLE journal;
ALTER TABLE journal_by_key RENAME TO journal;
CREATE INDEX journal_actor ON journal (actor) WHERE actor <> '';

CREATE TABLE unsealed_by_key (
    chain  TEXT   PRIMARY KEY NOT NULL,
    length BIGINT NOT NULL,
    head   BLOB   NOT NULL
) WITHOUT ROWID;
INSERT INTO unsealed_by_key (chain, length, head) SELECT chain, length, head FROM unsealed ORDER BY chain;
DROP TABLE unsealed;
ALTER TABLE unsealed_by_key RENAME TO unsealed;

CREATE TABLE seal_head_by_key (
    seal   BIGINT NOT NULL,
    chain  TEXT   NOT NULL,
    length BIGINT NOT NULL,
    head   BLOB   NOT NULL,
    PRIMARY KEY (seal, chain)
) WITHOUT ROWID;
INSERT INTO seal_head_by_key (seal, chain, length, head) SELECT seal, chain, length, head FROM seal_head ORDER BY seal, chain;
DROP TABLE seal_head;
ALTER TABLE seal_head_by_key RENAME TO seal_head;
CREATE INDEX seal_head_chain ON seal_head (chain, seal);

-- Alerts lie in one tree, those of a machine together, and only as long as they
-- fire: nobody asks for others. Those that fire already keep no place.
CREATE TABLE alert_by_place (
    source      TEXT NOT NULL,
    place       BLOB NOT NULL,
    fingerprint TEXT NOT NULL,
    incident    TEXT NOT NULL,
    PRIMARY KEY (source, place, fingerprint, incident)
) WITHOUT ROWID;
INSERT INTO alert_by_place (source, place, fingerprint, incident)
    SELECT source, x'', fingerprint, incident FROM alert WHERE firing = 1 ORDER BY source, fingerprint, incident;
DROP TABLE alert;
ALTER TABLE alert_by_place RENAME TO alert;

-- Deliveries that no seal covers yet, in the order in which they came: each waits
-- once, so that none is looked for by its hash.
CREATE TABLE arrived (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL
);
INSERT INTO arrived (sha256) SELECT head FROM unsealed WHERE chain LIKE 'payload/%' ORDER BY chain;
DELETE FROM unsealed WHERE chain LIKE 'payload/%';

-- When all that fires in an incident was seen last, where only that has changed
-- since its value was written.
ALTER TABLE incident ADD COLUMN seen_at BIGINT;

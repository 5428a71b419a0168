-- States take a form that a program before this one cannot read: it refuses the
-- file by its number.

-- Incidents lie in the order of their numbers, without a tree that leads from
-- those to their rows.
CREATE TABLE incident_by_number (
    id           TEXT    NOT NULL UNIQUE,
    number       INTEGER PRIMARY KEY,
    key          TEXT    NOT NULL,
    scenario     TEXT    NOT NULL,
    policy       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    entry        TEXT    NOT NULL,
    open         INTEGER NOT NULL,
    blinds       INTEGER NOT NULL,
    customer     TEXT    NOT NULL,
    machine      TEXT    NOT NULL,
    platform     TEXT    NOT NULL,
    host         TEXT    NOT NULL,
    opened_at    BIGINT  NOT NULL,
    began_at     BIGINT  NOT NULL DEFAULT 0,
    resolved_at  BIGINT,
    wake_at      BIGINT,
    wake_with    TEXT    NOT NULL,
    ask_at       BIGINT,
    seen_at      BIGINT,
    outage       TEXT    NOT NULL,
    outage_marks INTEGER NOT NULL,
    root         TEXT    NOT NULL,
    chain_length BIGINT  NOT NULL,
    chain_head   BLOB,
    value        BLOB    NOT NULL
);
INSERT INTO incident_by_number (id, number, key, scenario, policy, state, entry, open, blinds, customer, machine, platform, host,
        opened_at, began_at, resolved_at, wake_at, wake_with, ask_at, seen_at, outage, outage_marks, root, chain_length, chain_head, value)
    SELECT id, number, key, scenario, policy, state, entry, open, blinds, customer, machine, platform, host,
        opened_at, began_at, resolved_at, wake_at, wake_with, ask_at, seen_at, outage, outage_marks, root, chain_length, chain_head, value
    FROM incident ORDER BY number;
DROP TABLE incident;
ALTER TABLE incident_by_number RENAME TO incident;

CREATE INDEX incident_key      ON incident (key, open);
CREATE INDEX incident_machine  ON incident (customer, machine, open) WHERE machine <> '';
CREATE INDEX incident_platform ON incident (platform, open) WHERE platform <> '';
CREATE INDEX incident_host     ON incident (host, open) WHERE host <> '';
CREATE INDEX incident_open     ON incident (opened_at) WHERE open = 1;
CREATE INDEX incident_began    ON incident (began_at) WHERE open = 1;
CREATE INDEX incident_wake     ON incident (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX incident_ask      ON incident (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX incident_blinds   ON incident (blinds, number) WHERE blinds = 1 AND open = 1;
CREATE INDEX incident_common   ON incident (entry, number) WHERE entry = 'correlated' AND open = 1;
CREATE INDEX incident_outage   ON incident (outage) WHERE outage <> '';

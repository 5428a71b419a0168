-- Instants are nanoseconds since 1970 in UTC; NULL where there is none.

-- What is known about this database itself.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Every policy that ever was in force, by content hash: incidents pin it.
CREATE TABLE policy (
    hash       TEXT PRIMARY KEY,
    first_seen BIGINT NOT NULL,
    files      BLOB   NOT NULL
);

-- Bodies as they were received, compressed, one row for each distinct body.
CREATE TABLE delivery (
    sha256   BLOB PRIMARY KEY,
    first_at BIGINT  NOT NULL,
    last_at  BIGINT  NOT NULL,
    times    INTEGER NOT NULL,
    alerts   INTEGER NOT NULL,
    body     BLOB    NOT NULL
);

CREATE TABLE incident (
    id           TEXT    PRIMARY KEY,
    number       BIGINT  NOT NULL UNIQUE,
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
    resolved_at  BIGINT,
    -- when time alone may change something
    wake_at      BIGINT,
    -- which event the waking brings: '' a tick, else related or refreshed
    wake_with    TEXT    NOT NULL,
    -- when evidence is to be asked for
    ask_at       BIGINT,
    -- the common incident that this one is a part of, and whether it says so
    outage       TEXT    NOT NULL,
    outage_marks INTEGER NOT NULL,
    -- Message-ID that starts the incident's thread of mail
    root         TEXT    NOT NULL,
    chain_length BIGINT  NOT NULL,
    chain_head   BLOB,
    value        BLOB    NOT NULL
);
CREATE INDEX incident_key      ON incident (key, open);
CREATE INDEX incident_machine  ON incident (customer, machine, open) WHERE machine <> '';
CREATE INDEX incident_platform ON incident (platform, open) WHERE platform <> '';
CREATE INDEX incident_host     ON incident (host, open) WHERE host <> '';
CREATE INDEX incident_open     ON incident (opened_at) WHERE open = 1;
CREATE INDEX incident_wake     ON incident (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX incident_ask      ON incident (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX incident_blinds   ON incident (id) WHERE blinds = 1 AND open = 1;
CREATE INDEX incident_outage   ON incident (outage) WHERE outage <> '';

-- Which incident an alert belongs to.
CREATE TABLE alert (
    fingerprint TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    firing      INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, incident)
);
CREATE INDEX alert_source ON alert (source) WHERE firing = 1 AND source <> '';

-- Alerts that fire and for which no incident is kept, with the reason, and when
-- they are to be looked at again.
CREATE TABLE ignored (
    fingerprint TEXT   PRIMARY KEY,
    reason      TEXT   NOT NULL,
    first_at    BIGINT NOT NULL,
    last_at     BIGINT NOT NULL,
    again_at    BIGINT,
    value       BLOB   NOT NULL
);
CREATE INDEX ignored_again ON ignored (again_at) WHERE again_at IS NOT NULL;

-- Append-only; each line's hash covers the line before it in its chain.
CREATE TABLE journal (
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
);

-- Text about persons, apart from the journal so that it can be erased.
CREATE TABLE journal_personal (
    chain TEXT   NOT NULL,
    line  BIGINT NOT NULL,
    salt  BLOB   NOT NULL,
    text  TEXT   NOT NULL,
    PRIMARY KEY (chain, line)
);

-- Heads of the chains that belong to no incident.
CREATE TABLE chain (
    name   TEXT   PRIMARY KEY,
    length BIGINT NOT NULL,
    head   BLOB   NOT NULL
);

-- What is to be told to whom. Without a message it still waits for its bundle.
CREATE TABLE notification (
    id         TEXT   PRIMARY KEY,
    incident   TEXT   NOT NULL,
    position   BIGINT NOT NULL,
    bundle_key TEXT   NOT NULL,
    hold_until BIGINT NOT NULL,
    message    TEXT   NOT NULL,
    value      BLOB   NOT NULL
);
CREATE INDEX notification_held    ON notification (bundle_key, hold_until) WHERE message = '';
CREATE INDEX notification_due     ON notification (hold_until) WHERE message = '';
CREATE INDEX notification_message ON notification (message) WHERE message <> '';
CREATE INDEX notification_order   ON notification (incident, position);

-- A rendered message; the same for every recipient and every attempt.
CREATE TABLE message (
    id         TEXT   PRIMARY KEY,
    template   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    position   BIGINT NOT NULL UNIQUE,
    value      BLOB   NOT NULL
);

-- One transmission of a message to one recipient.
CREATE TABLE transmission (
    message  TEXT    NOT NULL,
    address  TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    attempts INTEGER NOT NULL,
    next_at  BIGINT,
    since    BIGINT  NOT NULL,
    ended_at BIGINT,
    detail   TEXT    NOT NULL,
    PRIMARY KEY (message, address)
);
CREATE INDEX transmission_due ON transmission (next_at) WHERE next_at IS NOT NULL;

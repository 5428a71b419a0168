-- Seals over the journal, what keeps it true after an erasure or a cut.

-- Heads of chains that grew since the last seal.
CREATE TABLE unsealed (
    chain  TEXT   PRIMARY KEY,
    length BIGINT NOT NULL,
    head   BLOB   NOT NULL
);

-- Each seal covers the seal before it and the heads below.
CREATE TABLE seal (
    number   BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    previous BLOB,
    hash     BLOB   NOT NULL
);
CREATE INDEX seal_at ON seal (at);

CREATE TABLE seal_head (
    seal   BIGINT NOT NULL,
    chain  TEXT   NOT NULL,
    length BIGINT NOT NULL,
    head   BLOB   NOT NULL,
    PRIMARY KEY (seal, chain)
);
CREATE INDEX seal_head_chain ON seal_head (chain, seal);

-- Where retention has cut: the chain goes on after this line.
CREATE TABLE cut (
    chain TEXT   PRIMARY KEY,
    line  BIGINT NOT NULL,
    hash  BLOB   NOT NULL
);

-- Who a pseudonym of the journal stands for, as long as that may be known.
CREATE TABLE person (
    pseudonym TEXT PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE
);
CREATE INDEX journal_actor ON journal (actor) WHERE actor <> '';

-- NULL: the message is of an older version, or has been erased.
ALTER TABLE message ADD COLUMN salt BLOB;

INSERT INTO unsealed (chain, length, head) SELECT id, chain_length, chain_head FROM incident WHERE chain_length > 0;
INSERT INTO unsealed (chain, length, head) SELECT name, length, head FROM chain;
INSERT INTO unsealed (chain, length, head) SELECT 'payload/' || lower(hex(sha256)), 1, sha256 FROM delivery;

-- What is asked for each signal and each second must not cost more with more
-- open incidents.

-- Without its own columns in front, SQLite walks every incident instead.
DROP INDEX incident_blinds;
CREATE INDEX incident_blinds ON incident (blinds, number) WHERE blinds = 1 AND open = 1;
CREATE INDEX incident_common ON incident (entry, number) WHERE entry = 'correlated' AND open = 1;

-- When the present episode began; of what is open now, as far as this knows, just now.
ALTER TABLE incident ADD COLUMN began_at BIGINT NOT NULL DEFAULT 0;
UPDATE incident SET began_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000 WHERE open = 1;
CREATE INDEX incident_began ON incident (began_at) WHERE open = 1;

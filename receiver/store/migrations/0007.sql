-- Within a source alerts lie by incident, not by fingerprint: what comes together
-- is written to one page, not to as many as there are alerts.
DROP INDEX alert_source;
CREATE INDEX alert_source ON alert (source, incident) WHERE firing = 1 AND source <> '';

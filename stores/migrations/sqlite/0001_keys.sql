-- One row a key. The record is its JSON; what is searched or compared has a column of its own. last_used_at stands apart, so that recording
-- a use never races with a change of the record.
CREATE TABLE IF NOT EXISTS api_keys (
    id           TEXT    PRIMARY KEY NOT NULL,
    owner        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX IF NOT EXISTS api_keys_by_owner ON api_keys (owner, created_at, id);

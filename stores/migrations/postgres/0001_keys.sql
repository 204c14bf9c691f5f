-- One row a key. The record is its JSON, as text so that it comes back as it was; what is searched or compared has a column of its own.
-- last_used_at stands apart, so that recording a use never races with a change of the record.
CREATE TABLE IF NOT EXISTS {schema}.api_keys (
    id           text    COLLATE "C" PRIMARY KEY,
    owner        text    COLLATE "C" NOT NULL,
    created_at   bigint  NOT NULL,
    ends_at      bigint,
    revoked      boolean NOT NULL,
    version      bigint  NOT NULL,
    record       text    NOT NULL,
    last_used_at bigint
);

CREATE INDEX IF NOT EXISTS api_keys_by_owner ON {schema}.api_keys (owner, created_at, id);
CREATE INDEX IF NOT EXISTS api_keys_by_end ON {schema}.api_keys (ends_at, id) WHERE NOT revoked;

-- What an authorization server keeps. The body of a grant is its own business; the version is the store's.
CREATE TABLE IF NOT EXISTS oauth_grants (
    id         TEXT    PRIMARY KEY NOT NULL,
    body       BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS oauth_grants_by_end ON oauth_grants (expires_at);

CREATE TABLE IF NOT EXISTS oauth_once (
    space      TEXT    NOT NULL,
    key_hash   BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (space, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS oauth_once_by_end ON oauth_once (expires_at);

CREATE TABLE IF NOT EXISTS oauth_consents (
    sub       TEXT NOT NULL,
    client_id TEXT NOT NULL,
    scopes    TEXT NOT NULL,
    PRIMARY KEY (sub, client_id)
) STRICT, WITHOUT ROWID;

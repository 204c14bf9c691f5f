-- What an authorization server keeps besides grants: users, their names, signing keys. The body is its own business.
CREATE TABLE IF NOT EXISTS oauth_documents (
    space   TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

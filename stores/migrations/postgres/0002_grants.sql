-- What an authorization server keeps. The body of a grant is its own business; the version is the store's.
CREATE TABLE IF NOT EXISTS {schema}.oauth_grants (
    id         text   COLLATE "C" PRIMARY KEY,
    body       bytea  NOT NULL,
    version    bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS oauth_grants_by_end ON {schema}.oauth_grants (expires_at);

CREATE TABLE IF NOT EXISTS {schema}.oauth_once (
    space      text   COLLATE "C" NOT NULL,
    key_hash   bytea  NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (space, key_hash)
);

CREATE INDEX IF NOT EXISTS oauth_once_by_end ON {schema}.oauth_once (expires_at);

CREATE TABLE IF NOT EXISTS {schema}.oauth_consents (
    sub       text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    scopes    text NOT NULL,
    PRIMARY KEY (sub, client_id)
);

-- What an authorization server keeps besides grants: users, their names, signing keys. The body is its own business.
CREATE TABLE IF NOT EXISTS {schema}.oauth_documents (
    space   text   COLLATE "C" NOT NULL,
    id      text   COLLATE "C" NOT NULL,
    body    bytea  NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (space, id)
);

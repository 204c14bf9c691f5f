-- Whose a grant is, so that all of a user's can be revoked. A grant from before this step is nobody's.
ALTER TABLE {schema}.oauth_grants ADD COLUMN IF NOT EXISTS sub text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX IF NOT EXISTS oauth_grants_by_sub ON {schema}.oauth_grants (sub, id);

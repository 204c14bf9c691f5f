-- Whose a grant is, so that all of a user's can be revoked. A grant from before this step is nobody's.
ALTER TABLE oauth_grants ADD COLUMN sub TEXT NOT NULL DEFAULT '';

CREATE INDEX IF NOT EXISTS oauth_grants_by_sub ON oauth_grants (sub, id);

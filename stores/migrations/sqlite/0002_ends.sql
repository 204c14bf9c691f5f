-- When a key ends: by its expiry or by the end of its grace, whichever comes first. Not set: never.
ALTER TABLE api_keys ADD COLUMN ends_at INTEGER AS (min(
    coalesce(json_extract(record, '$.expiresAt'), json_extract(record, '$.graceUntil')),
    coalesce(json_extract(record, '$.graceUntil'), json_extract(record, '$.expiresAt'))
)) VIRTUAL;

ALTER TABLE api_keys ADD COLUMN revoked_at INTEGER AS (json_extract(record, '$.revokedAt')) VIRTUAL;

CREATE INDEX IF NOT EXISTS api_keys_by_end ON api_keys (ends_at, id) WHERE revoked_at IS NULL;

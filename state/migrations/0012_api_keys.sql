-- Keys of the read-only interface for programs; only their hashes are kept. `used_at` is to the minute.
CREATE TABLE api_keys (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    key_hash    TEXT NOT NULL UNIQUE,
    created_at  TEXT NOT NULL,
    used_at     TEXT,
    disabled_at TEXT
);

-- What requests to platforms cost, by UTC day, in millionths of a US dollar. Both modes: reading costs in either.
CREATE TABLE spending (
    platform     TEXT NOT NULL,
    day          TEXT NOT NULL,
    endpoint     TEXT NOT NULL,
    calls        INTEGER NOT NULL,
    microdollars INTEGER NOT NULL,
    PRIMARY KEY (platform, day, endpoint)
) WITHOUT ROWID;

-- Until when an endpoint is to be left alone: its platform asked to wait, or it failed again and again.
CREATE TABLE pauses (
    platform TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    until    TEXT NOT NULL,
    PRIMARY KEY (platform, endpoint)
) WITHOUT ROWID;

-- Since when a platform has refused a kind of step ('rate_limited', 'credentials_refused'); gone with the first
-- one that it lets through.
CREATE TABLE holds (
    mode     TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    platform TEXT NOT NULL,
    step     TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    TEXT NOT NULL,
    PRIMARY KEY (mode, platform, step)
) WITHOUT ROWID;

-- One asker's mentions are resolved in the order of their creation.
CREATE INDEX mentions_seen_by_asker ON mentions (asker_id, mode, created_at, id) WHERE state = 'seen';

-- Media that their author or their platform has marked as nothing for everybody: shown blurred.
ALTER TABLE post_media ADD COLUMN sensitive INTEGER NOT NULL DEFAULT 0;

-- What operators' actions need: a reply can be taken back, a review withdrawn, a step done afresh.
-- The checks are widened in place, as SQLite describes for changes that leave the rows as they are ("ALTER TABLE",
-- section 7): a copy of these tables would lose the triggers on them, and what other migrations have added.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''notice'', ''send''', '''notice'', ''send'', ''retract''')
    WHERE type = 'table' AND name = 'jobs';
UPDATE sqlite_schema SET sql = replace(sql, '''sent'', ''failed'', ''withdrawn''',
    '''sent'', ''failed'', ''withdrawn'', ''retracting'', ''retracted''')
    WHERE type = 'table' AND name = 'replies';
UPDATE sqlite_schema SET sql = replace(sql, '''satire'', ''cannot_tell''', '''satire'', ''cannot_tell'', ''withdrawn''')
    WHERE type = 'table' AND name = 'reviews';
PRAGMA writable_schema = RESET;

-- A step that is done afresh takes nothing that was fetched or judged before for its answer. (The new column also
-- tells other connections that the schema is another one.)
ALTER TABLE jobs ADD COLUMN afresh INTEGER NOT NULL DEFAULT 0;

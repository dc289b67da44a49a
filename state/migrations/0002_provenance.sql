-- What a medium says of its origin, as JSON: content credentials, and marks of generators in its metadata.
ALTER TABLE analyses ADD COLUMN provenance TEXT NOT NULL DEFAULT '{}';

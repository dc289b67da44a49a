"""Web: health for machines; the operators' pages grow here."""

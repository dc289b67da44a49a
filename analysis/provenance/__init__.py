"""Where a medium says it is from: signed content credentials (C2PA), and marks of generators in its metadata.

Read in the decoding child, after the medium is decoded: whatever a stranger's credentials do to the library
that reads them, the pictures are already in hand. What it means for a verdict is in
`analysis.ensemble.provenance`.
"""

"""Where time went and what was missing: found in the record, numbered, each with what it follows from."""

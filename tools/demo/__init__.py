"""`make demo`: a bad release, an Incident, and what stanch makes of it, on a real cluster."""

"""The blameless lint: what a postmortem must not say, must have, and how it is said of the system instead."""

"""`stanch items`: action items for those who do not look into the cluster."""

"""`stanch declare`: an incident from three answers."""

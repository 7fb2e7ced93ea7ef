"""`stanch review`: an honest look back at a month."""

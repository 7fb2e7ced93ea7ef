"""`stanch postmortem`: read, lint and render what is learned."""

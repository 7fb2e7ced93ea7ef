"""A real Kubernetes cluster for tests and development; see README.md. Standard library only: it runs before any install."""

"""`stanch runbook`: Runbooks in Git, looked at, tested and planned without a cluster. Nothing here imports kopf."""

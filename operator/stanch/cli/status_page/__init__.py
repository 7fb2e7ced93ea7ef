"""`stanch status-page`: what the public was told, as files that outlive the cluster."""

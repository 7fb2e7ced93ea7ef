"""What `make guard-honesty` says last."""

import os
import sys


def pytest_unconfigure() -> None:
    """Below what pytest says: how many of the bugs were caught."""
    honesty = sys.modules.get("guards.planting")
    for line in honesty.CLOSING if honesty and os.environ.get("STANCH_GUARDS") else ():
        print(line)

"""Kubernetes quantities as numbers."""

import re

_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNITS |= {f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?)([a-zA-Z]{0,2})")


def amount(quantity: str) -> float:
    """A Kubernetes quantity as a number; 0 when it is none."""
    match = _QUANTITY.fullmatch(quantity)
    return float(match[1]) * _UNITS.get(match[2], 0.0) if match else 0.0

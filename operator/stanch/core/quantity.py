"""Kubernetes quantities as numbers."""

import re

_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNITS |= {f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?)([a-zA-Z]{0,2})")


def parse(quantity: str) -> float | None:
    """A Kubernetes quantity as a number; None when it is none, or is written with an exponent."""
    match = _QUANTITY.fullmatch(quantity)
    unit = _UNITS.get(match[2]) if match else None
    return float(match[1]) * unit if match and unit is not None else None


def amount(quantity: str) -> float:
    """As `parse`; 0 when it is none."""
    return parse(quantity) or 0.0

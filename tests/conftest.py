"""For all tests: how long one example of a property takes says how busy the machine is, and nothing of the property."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

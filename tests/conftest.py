"""For all tests: a property holds or does not; how long an example takes on a busy machine is no property."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

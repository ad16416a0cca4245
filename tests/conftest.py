"""Settings of all tests."""

from hypothesis import HealthCheck, settings

settings.register_profile(  # how long an example takes tells of the machine's load, not of the code
    "pykasm", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("pykasm")

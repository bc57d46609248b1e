"""Properties of pure code: enough examples in little time, and no deadlines on a busy machine."""

from hypothesis import settings

settings.register_profile("tenure", deadline=None, max_examples=50)
settings.load_profile("tenure")

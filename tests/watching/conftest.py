"""The whole system, running while the tests of this folder do."""

from tests.support.whole import sign_in, system

__all__ = ["sign_in", "system"]

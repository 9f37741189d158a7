"""What the rooms know of the key that signs routes."""

from __future__ import annotations

from typing import Protocol

from contracts.documents import PublicKey
from contracts.values import JsonObject


class RouteSigning(Protocol):
    """Signs routes so that whoever pins one can show where it comes from."""

    def sign(self, route: JsonObject) -> str:
        """A compact JWS over the canonical bytes of a route."""
        ...

    def public_key(self) -> PublicKey:
        """What others check the signatures with."""
        ...

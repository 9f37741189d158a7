"""Accounts of machines and the keys of their tokens, followed from ``access.rules.v1`` into memory."""

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from chassis.logs import get_logger
from contracts.codec import Malformed
from contracts.documents import ACCESS_RULES, Account, PublicKey, read
from contracts.values import JsonObject

_ALGORITHM = "ES256"
_TOKEN = "token"  # noqa: S105 - the use of a key, no secret

_log = get_logger()


class Accounts:
    """What the gateway knows of machines."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._keys: dict[str, ECKey] = {}

    def apply(self, topic: str, key: str, data: JsonObject | None) -> None:
        """Take a document in, or out when there is none."""
        if topic != ACCESS_RULES:
            return
        name = key.partition("/")[2]
        if key.startswith("account/"):
            self._accounts.pop(name, None)
        elif key.startswith("key/"):
            self._keys.pop(name, None)
        if data is None:
            return
        try:
            document = read(topic=topic, key=key, data=data)
            if isinstance(document, Account):
                self._accounts[document.client_id] = document
            elif isinstance(document, PublicKey) and document.use == _TOKEN and document.algorithm == _ALGORITHM:
                self._keys[document.kid] = ECKey.import_key(document.public_key)
        except (Malformed, JoseError, ValueError) as error:
            _log.error("accounts.unreadable", key=key, exc_info=error)

    def account(self, client_id: str) -> Account | None:
        """An account that is active now."""
        found = self._accounts.get(client_id)
        return found if found is not None and found.active else None

    def key(self, kid: str) -> ECKey | None:
        """The key of this id, if routing-svc signs tokens with it."""
        return self._keys.get(kid)

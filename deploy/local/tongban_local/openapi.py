"""The OpenAPI documents as the running applications would serve them: one per service, and the gateway's merged one.

The applications are made and never started, so nothing is connected to and no file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import catalog_svc.app
import catalog_svc.context
import credential_svc.app
import credential_svc.context
import intake_svc.app
import intake_svc.context
import routing_svc.app
from gateway.documents import merge

if TYPE_CHECKING:
    from fastapi import FastAPI

    from contracts.values import JsonObject

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"
_UNUSED = Path("unused")


def applications() -> Mapping[str, FastAPI]:
    """The four services by name, not started."""
    told = {
        "database_url": NOWHERE,
        "bus": "postgres",
        "log_url": NOWHERE,
        "topics_file": _UNUSED,
        "internal_jwks_file": _UNUSED,
        "internal_key_file": _UNUSED,
        "wrapping_key": "A" * 43 + "=",
        "intake_url": "http://127.0.0.1:1",
    }
    return {
        "catalog": catalog_svc.app.create_app(catalog_svc.context.Settings.model_validate(told)),
        "intake": intake_svc.app.create_app(intake_svc.context.Settings.model_validate(told)),
        "routing": routing_svc.app.create_app(routing_svc.app.Settings.model_validate(told)),
        "credential": credential_svc.app.create_app(credential_svc.context.Settings.model_validate(told)),
    }


def openapi_documents() -> dict[str, JsonObject]:
    """Each service's document by its name, and under ``gateway`` what the gateway serves at ``/v1/openapi.json``."""
    documents: dict[str, JsonObject] = {name: application.openapi() for name, application in applications().items()}
    return {**documents, "gateway": merge(documents)}

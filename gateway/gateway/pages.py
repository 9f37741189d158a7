"""The gateway's own few pages: the API's documents, served from here so that they read on a network without the world outside."""

from pathlib import Path

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from gateway.documents import Documents

OPENAPI = "/v1/openapi.json"

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

_HERE = Path(__file__).parent
_HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> Response:
    """Show the API to whoever comes with a browser."""
    return RedirectResponse("/docs", status_code=307)


@router.get(OPENAPI)
async def openapi(request: Request) -> Response:
    """The whole API as one OpenAPI document; public."""
    documents: Documents = request.app.state.documents
    return Response(orjson.dumps(await documents.merged()), media_type="application/json")


@router.get("/docs")
async def docs() -> Response:
    """The API to read."""
    return Response((_HERE / "docs.html").read_bytes(), media_type="text/html", headers=_HEADERS)


@router.get("/docs/page.js")
async def script() -> Response:
    """What draws that page."""
    return Response((_HERE / "docs.js").read_bytes(), media_type="text/javascript", headers=_HEADERS)

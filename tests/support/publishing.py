"""The acts of the catalogue as one-liners, over HTTP: written by one officer, read and put in force by another."""

from typing import Any

from tests.support.line import until
from tongban_local.visitor import Body, Visitor


async def put_in_force(author: Visitor, reviewer: Visitor, documents: str, body: Body) -> None:
    """Draft a document under four eyes, and publish it just as the second officer has read it.

    Args:
        author: May write there.
        reviewer: Somebody else, who may review there.
        documents: Path of its kind, e.g. ``/regions``.
        body: The document.
    """
    drafted = await author.post(documents, body)
    key = f"{body['region']}/{body['year']}" if documents == "/calendars" else str(drafted["key"])
    tag = (await reviewer.get(f"{documents}/{key}/draft")).headers["etag"]
    await reviewer.post(f"{documents}/{key}/review", headers={"If-Match": tag})


async def publish_item(author: Visitor, reviewer: Visitor, body: Body) -> str:
    """Draft, review and publish a version of a service item; its id, before it is in force."""
    version = str((await author.post("/service-items", body))["version_id"])
    await reviewer.post(f"/service-items/versions/{version}/review")
    await reviewer.post(f"/service-items/versions/{version}/publication", {})
    return version


async def in_force(who: Visitor, version: str) -> None:
    """Wait until a version that is published is in force: it begins some seconds later, when everybody can have heard of it."""
    item = version.rpartition("-v")[0]

    async def ask() -> Any:
        reply = await who.call("GET", f"/service-items/{item}")
        return reply.status == 200 and reply["version"]["version_id"] == version

    await until(f"{version} in force", ask)

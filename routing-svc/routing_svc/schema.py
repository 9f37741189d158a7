"""The one metadata of routing's tables; each room's store defines its own on it."""

from sqlalchemy import MetaData

from chassis.tables import define

METADATA = MetaData()
"""All tables of the service; migrations are compared with it."""

define(METADATA)

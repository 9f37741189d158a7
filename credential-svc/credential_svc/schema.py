"""The one metadata of this service's tables."""

from sqlalchemy import MetaData

from chassis.tables import define

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""What the rooms' stores define their tables on; the migrations are compared with it."""

define(METADATA)

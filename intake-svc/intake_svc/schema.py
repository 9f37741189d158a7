"""The one metadata of intake's tables: its rooms', and those the chassis keeps in every database."""

from sqlalchemy import MetaData

from chassis.tables import define

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
define(METADATA)

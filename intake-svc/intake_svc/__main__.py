"""Runs intake by itself: ``python -m intake_svc``, settings from ``TONGBAN_INTAKE_…``."""

from chassis.serving import serve
from intake_svc.app import create_app
from intake_svc.context import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)

"""Runs intake by itself: ``python -m intake_svc``, settings from ``TONGBAN_INTAKE_…``."""

import gc

if __name__ == "__main__":
    # Nothing that is imported is garbage, and to look through it again and again takes a quarter of a start; `serve` lets looking begin.
    gc.disable()

from chassis.serving import serve
from intake_svc.app import create_app
from intake_svc.context import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)

"""Runs intake by itself: ``python -m intake_svc``, settings from ``TONGBAN_INTAKE_…``."""

import uvicorn

from intake_svc.app import create_app
from intake_svc.context import Settings

if __name__ == "__main__":
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)

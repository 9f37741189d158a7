"""``python -m credential_svc``: one process of this service, settings from the environment."""

import uvicorn

from credential_svc.app import create_app
from credential_svc.context import Settings

if __name__ == "__main__":
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)

"""``python -m gateway``: one process of the gateway, settings from the environment."""

import uvicorn

from gateway.app import create_app
from gateway.settings import Settings

if __name__ == "__main__":
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False, proxy_headers=False)

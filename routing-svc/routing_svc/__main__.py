"""``python -m routing_svc``: the service with its settings from the environment."""

import uvicorn

from routing_svc.app import Settings, create_app

if __name__ == "__main__":
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)

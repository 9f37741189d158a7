"""``python -m routing_svc``: the service with its settings from the environment."""

from chassis.serving import serve
from routing_svc.app import Settings, create_app

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)

"""``python -m routing_svc``: the service with its settings from the environment."""

import gc

if __name__ == "__main__":
    # Nothing that is imported is garbage, and to look through it again and again takes a quarter of a start; `serve` lets looking begin.
    gc.disable()

from chassis.serving import serve
from routing_svc.app import Settings, create_app

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)

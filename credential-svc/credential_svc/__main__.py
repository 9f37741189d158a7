"""``python -m credential_svc``: one process of this service, settings from the environment."""

import gc

if __name__ == "__main__":
    # Nothing that is imported is garbage, and to look through it again and again takes a quarter of a start; `serve` lets looking begin.
    gc.disable()

from chassis.serving import serve
from credential_svc.app import create_app
from credential_svc.context import Settings

if __name__ == "__main__":
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)

"""Run the catalogue by itself: ``python -m catalog_svc``, settings from ``TONGBAN_CATALOG_…``."""

import gc

if __name__ == "__main__":
    # Nothing that is imported is garbage, and to look through it again and again takes a quarter of a start; `serve` lets looking begin.
    gc.disable()

from catalog_svc.app import Settings, create_app
from chassis.serving import serve


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    serve(create_app(settings), host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()

"""Run the catalogue by itself: ``python -m catalog_svc``, settings from ``TONGBAN_CATALOG_…``."""

import uvicorn

from catalog_svc.app import Settings, create_app


def main() -> None:
    """Serve until told to stop."""
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()

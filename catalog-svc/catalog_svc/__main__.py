"""Run the catalogue by itself: ``python -m catalog_svc``, settings from ``TONGBAN_CATALOG_…``."""

from chassis.starting import starting

if __name__ == "__main__":
    with starting():
        from catalog_svc.app import Settings, create_app
        from chassis.serving import serve

        settings = Settings()
        application = create_app(settings)
    serve(application, host=settings.host, port=settings.port)

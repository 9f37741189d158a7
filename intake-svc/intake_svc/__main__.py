"""Runs intake by itself: ``python -m intake_svc``, settings from ``TONGBAN_INTAKE_…``."""

from chassis.starting import starting

if __name__ == "__main__":
    with starting():
        from chassis.serving import serve
        from intake_svc.app import create_app
        from intake_svc.context import Settings

        settings = Settings()
        application = create_app(settings)
    serve(application, host=settings.host, port=settings.port)

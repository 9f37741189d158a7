"""``python -m credential_svc``: one process of this service, settings from the environment."""

from chassis.starting import starting

if __name__ == "__main__":
    with starting():
        from chassis.serving import serve
        from credential_svc.app import create_app
        from credential_svc.context import Settings

        settings = Settings()
        application = create_app(settings)
    serve(application, host=settings.host, port=settings.port)

"""``python -m gateway``: one process of the gateway, settings from the environment."""

from chassis.starting import starting

if __name__ == "__main__":
    with starting():
        from chassis.serving import serve
        from gateway.app import create_app
        from gateway.settings import Settings

        settings = Settings()
        application = create_app(settings)
    serve(application, host=settings.host, port=settings.port)

"""``python -m routing_svc``: the service with its settings from the environment."""

from chassis.starting import starting

if __name__ == "__main__":
    with starting():
        from chassis.serving import serve
        from routing_svc.app import Settings, create_app

        settings = Settings()
        application = create_app(settings)
    serve(application, host=settings.host, port=settings.port)

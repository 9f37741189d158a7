"""``python -m tests.chassis.behind PORT DATABASE LOG FOLDER``: a whole service, served as every service is."""

import sys
from pathlib import Path

from chassis.context import Context
from chassis.service import create_service
from chassis.serving import serve
from tests.support.toy import METADATA, toy_settings

if __name__ == "__main__":
    port, database_url, log_url, folder = sys.argv[1:]
    settings = toy_settings(database_url, Path(folder)).model_copy(update={"log_url": log_url})
    serve(
        create_service(Context, settings, title="Toy", routers=[], metadata=METADATA, migrations=folder), host="127.0.0.1", port=int(port)
    )

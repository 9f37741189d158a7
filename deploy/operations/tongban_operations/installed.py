"""A service as its operator reaches it: with its own code and settings (``TONGBAN_<SERVICE>_…``), but not running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from chassis import logs
from chassis.bus import BusTrouble
from chassis.context import Context
from chassis.learning import Learning
from contracts.refusals import Unavailable
from tongban_operations.terminal import Unable

SERVICES = ("catalog", "intake", "routing", "credential")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What is used of a service that does not run."""

    context: Context
    learning: Learning[Any]


def load(service: str) -> Installed:
    """Put the service together without starting it.

    Raises:
        Unable: It is not installed here, or its settings are not complete.
    """
    try:
        module: Any = import_module(f"{service}_svc.app")
    except ModuleNotFoundError as error:
        raise Unable(f"{service}: 此处未安装该服务 / the service is not installed here") from error
    try:
        application: Any = module.create_app(module.Settings())
    except ValueError as error:
        raise Unable(f"{service}: 设置不完整,请使用该服务的环境变量 / run this with the service's own environment: {error}") from error
    return Installed(context=application.state.context, learning=application.state.learning)


@asynccontextmanager
async def opened(service: str, *, log: bool = True) -> AsyncIterator[Installed]:
    """The service with its database and (where ``log`` says so) its log open until the block ends.

    Raises:
        Unable: See `load`, or one of them cannot be reached.
    """
    logs.configure("warning", aside=True)
    installed = load(service)
    try:
        if log:
            await installed.context.bus.start()
        yield installed
    except (Unavailable, BusTrouble, OSError) as error:
        raise Unable(f"{service}: 数据库或事件日志不可达 / database or log cannot be reached ({type(error).__name__})") from error
    finally:
        await installed.context.bus.stop()
        await installed.context.database.close()

"""What time it is: the one clock of everything durable.

In development all processes share an offset, so that days can pass on running services; tokens, leases, retries and timeouts stay on real
time and never ask here.
"""

from datetime import UTC, datetime, timedelta


class ClockIsFixed(Exception):
    """Somebody tried to move the clock of an installation that is not for development."""


class Now:
    """Real time plus the shared offset."""

    def __init__(self, *, development: bool = False, behind: float = 0.0) -> None:
        """Stand at real time.

        Args:
            development: Whether it may be moved.
            behind: Seconds by which this machine's clock is late, to try what that does.
        """
        self._development = development
        self._offset = timedelta()
        self._behind = timedelta(seconds=behind)

    @property
    def offset(self) -> timedelta:
        """How far it stands ahead of real time; zero outside development."""
        return self._offset

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC) + self._offset - self._behind

    def set_offset(self, seconds: float) -> None:
        """Stand this many seconds ahead of real time; forward only, a smaller offset than the present one is ignored.

        Raises:
            ClockIsFixed: The installation is not for development.
        """
        if not self._development:
            raise ClockIsFixed("the clock can be moved in development only")
        self._offset = max(self._offset, timedelta(seconds=seconds))

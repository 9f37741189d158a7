"""Proof from the outside that no case was lost, doubled or put out of order.

Reads the databases and the log with plain SQL and a plain consumer and knows the states by itself: it shares no code with what it
judges. The system must be at rest: nobody calls, and what is under way has come to its wait.

::

    report = await check(databases={"intake": …, "routing": …, "credential": …}, bootstrap="127.0.0.1:9092", log=None, journal=None)
    assert not report.differences
"""

from tongban_operations.checker.check import check
from tongban_operations.checker.report import Difference, Report

__all__ = ["Difference", "Report", "check"]

"""HTML of which every text is inert: what is not made by `tag` is text, and text is escaped.

::

    >>> tag("td", "<b>", tag("em", "a & b"))
    '<td>&lt;b&gt;<em>a &amp; b</em></td>'
"""

from __future__ import annotations

import html
import re

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Controls, halves of a pair, and marks that turn the direction of what stands after them: they would show another text than is there."""

_VOID = frozenset({"meta"})


class Markup(str):
    """HTML as `tag` made it; joining or formatting it gives plain text again, which is escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """One element.

    Args:
        name: Of the element, ours.
        children: Texts, and `Markup` that stays as it is.
        attributes: ``class_`` for ``class``; the values are escaped.
    """
    said = "".join(f' {key.rstrip("_")}="{text(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{''.join(map(text, children))}</{name}>")


def text(value: str) -> Markup:
    """A text as HTML shows it; `Markup` as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(_UNSEEN.sub("\ufffd", value)))


def together(*pieces: str) -> Markup:
    """Several pieces one after the other."""
    return Markup("".join(map(text, pieces)))

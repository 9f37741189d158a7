"""The sign-in page of the development issuer."""

from collections.abc import Iterable, Mapping
from html import escape

from gateway.development.people import Person

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; base-uri 'none'"

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --muted: #4c5967; --line: #b9c4cf; --act: #0b57b0; --bad: #a3161b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --muted: #a9b6c3; --line: #4a5966; --act: #1f64b5; --bad: #ff9a94; } }
body { margin: 8vh auto; max-width: 30rem; padding: 0 1rem; color: var(--ink); font: 16px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } p { color: var(--muted); margin: .2rem 0 1.2rem; } .bad { color: var(--bad); }
label { display: block; margin: .9rem 0 .2rem; }
select, input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .55rem .7rem; border: 1px solid var(--line);
  border-radius: 6px; background: transparent; color: inherit; }
option { color: #1c2733; background: #fff; } button { margin-top: 1.4rem; background: var(--act); border-color: var(--act); color: #fff; cursor: pointer; }
"""


def sign_in_page(people: Iterable[Person], *, asked: Mapping[str, str], refused: str | None = None) -> str:
    """The page.

    Args:
        people: Who can be chosen.
        asked: The parameters of the authorization request, sent along with the form.
        refused: The account of a try before this one that was wrong; it stays chosen.
    """
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items())
    options = "".join(
        f'<option value="{escape(each.username)}"{" selected" if each.username == refused else ""}>{escape(each.username)} · {escape(each.title)} / {escape(each.title_en)}</option>'
        for each in people
    )
    wrong = '<p class="bad" role="alert">账号或密码不正确 / Wrong account or password</p>' if refused is not None else ""
    return f"""<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>登录 / Sign in</title><style>{_STYLE}</style></head><body>
<h1>登录 / Sign in</h1><p>仅供开发和演示 / For development and demonstration only</p>{wrong}
<form method="post">{hidden}
<label for="username">账号 / Account</label><select id="username" name="username">{options}</select>
<label for="password">密码 / Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>
<button type="submit">登录 / Sign in</button></form></body></html>
"""


def refusal_page(zh: str, *, en: str) -> str:
    """What is shown when nobody can be sent back anywhere."""
    return f"""<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>登录 / Sign in</title><style>{_STYLE}</style></head>
<body><h1>无法登录 / Cannot sign in</h1><p class="bad" role="alert">{escape(zh)} / {escape(en)}</p></body></html>
"""

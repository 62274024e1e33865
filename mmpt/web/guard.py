"""What every request passes: the name it used for this server, and the rules its answer gives the browser."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

HEADERS = {
    # Nothing is loaded from elsewhere, no script stands in the page, and no other page shows this one.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Refuses requests for another host, and sends :data:`HEADERS` with every answer.

    A page elsewhere can have its own name resolve to this machine and then read what a browser here may
    read (DNS rebinding). Such a request carries that name, so only addresses, ``localhost`` and the names
    that are given are answered.

    Args:
        app: What answers.
        names: Further names of this server.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_rules(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("cache-control", "no-cache")
                headers.update(HEADERS)
            await send(message)

        answer = self._app
        host = Headers(scope=scope).get("host", "")
        if not self._is_ours(host):
            sentence = f"This server has not the name '{host[:100]}'; --name gives it one."
            answer = JSONResponse({"error": sentence}, 400)
        await answer(scope, receive, send_with_rules)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._names:
                return True
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

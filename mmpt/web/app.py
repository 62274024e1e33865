"""The addresses of the server.

Answers are JSON; an error has its status and ``{"error": sentence}``. A moment is ``{video, file, seconds,
start, end, score, percentile, source, thumbnail, type, problem}``: id, file name and length of the video,
where in it the moment is (seconds), how well it fits (see :mod:`mmpt.search.reference`), addresses of the
video and of a picture, MIME type with codec, and what is wrong with the file, or null.

======================================= ===========================================================
``/``                                   the page; ``?q=TEXT`` searches at once
``/api/info``                           name, model, counts of the index; limits
``/api/search?q=TEXT&count=N``          ``{query, milliseconds, hits}``: moments, best first
``/api/similar/ID?count=N``             ``{video, milliseconds, hits}``: videos like one, best first
``/api/videos?start=N&count=N``         ``{total, videos}``: what is in the index, by id
``/api/video/ID``                       one of them
``/video/ID``                           the file; ranges of bytes as in RFC 9110
``/thumbnail/ID/SECOND``                the frame shown at that second, JPEG
======================================= ===========================================================
"""

import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from mmpt.errors import DataError, MMPTError
from mmpt.search.searcher import MOST_CHARACTERS, clean_query
from mmpt.utils.logging import get_logger
from mmpt.web.gate import Gate
from mmpt.web.guard import Guard
from mmpt.web.library import Library
from mmpt.web.ratelimit import RATE, RateLimit
from mmpt.web.thumbnails import Thumbnails

__all__ = ["create_app"]

STATIC = Path(__file__).parent / "static"
WAITING = 4096
"""Requests that wait for their turn at most."""
MOST_COUNT = 100
"""Answers to one request at most."""

logger = get_logger(__name__)


def create_app(library: Library, names: Collection[str] = (), rate: int = RATE) -> ASGIApp:
    """Return the server as an ASGI application.

    Args:
        library: The index.
        names: Host names under which it may be reached, besides ``localhost`` and addresses.
        rate: Searches that one client may ask for in a minute.
    """
    site = _Site(library, RateLimit(rate))
    app = Starlette(
        routes=[
            Route("/api/info", site.info),
            Route("/api/search", site.search),
            Route("/api/similar/{video:path}", site.similar),
            Route("/api/videos", site.videos),
            Route("/api/video/{video:path}", site.entry),
            Route("/video/{video:path}", site.video),
            Route("/thumbnail/{video:path}/{second}", site.thumbnail),
            Mount("/", StaticFiles(directory=STATIC, html=True)),
        ],
        exception_handlers={
            HTTPException: _refused,
            ClientDisconnect: _left,
            MMPTError: _failed,
            Exception: _failed,
        },
        lifespan=site.lifespan,
    )
    return Guard(app, names)  # around all: Starlette answers for bugs outside of its own middleware


class _Site:
    """What stands behind the addresses."""

    def __init__(self, library: Library, rate_limit: RateLimit) -> None:
        self._library, self._rate_limit = library, rate_limit
        self._thumbnails = Thumbnails()
        # A search uses all cores: while one computes, another prepares. Pictures come while searches wait.
        self._searches = Gate(2, WAITING)
        self._files = Gate(os.cpu_count() or 1, WAITING)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        yield
        self._searches.close()
        self._files.close()

    async def info(self, request: Request) -> Response:
        return JSONResponse(await self._files.run(request, self._library.info))

    async def search(self, request: Request) -> Response:
        text = request.query_params.get("q", "")
        if len(text) > MOST_CHARACTERS:
            raise HTTPException(
                413, f"A query has {MOST_CHARACTERS} characters at most; this one has {len(text)}."
            )
        try:
            query = clean_query(text)
        except DataError as error:
            raise HTTPException(400, str(error)) from error
        return await self._timed(request, self._library.search, query)

    async def similar(self, request: Request) -> Response:
        return await self._timed(request, self._library.similar, request.path_params["video"])

    async def _timed(self, request: Request, look_up: Any, what: str) -> Response:
        self._check_rate(request)
        count, start = self._count(request), time.perf_counter()
        found = await self._searches.run(request, look_up, what, count)
        return JSONResponse(found | {"milliseconds": round(1000 * (time.perf_counter() - start), 1)})

    def _check_rate(self, request: Request) -> None:
        seconds = self._rate_limit.wait(request.client.host if request.client else "")
        if seconds:
            raise HTTPException(
                429,
                f"More than {self._rate_limit.rate} searches a minute came from your address. Try again in "
                f"{seconds} second{'s' if seconds > 1 else ''}.",
                {"Retry-After": str(seconds)},
            )

    async def videos(self, request: Request) -> Response:
        start = _number(request, "start", 0, 0, 10**9)
        count = self._count(request)
        return JSONResponse(await self._files.run(request, self._library.videos, start, count))

    async def entry(self, request: Request) -> Response:
        return JSONResponse(await self._files.run(request, self._library.video, request.path_params["video"]))

    async def video(self, request: Request) -> Response:
        file = await self._files.run(request, self._library.file, request.path_params["video"])
        return FileResponse(file.path, stat_result=file.status, media_type=file.type.split(";")[0])

    async def thumbnail(self, request: Request) -> Response:
        second = request.path_params["second"]
        if not (second.isascii() and second.isdecimal() and len(second) <= 6):
            raise HTTPException(400, f"A second is a whole number below 1 000 000, not '{second[:20]}'.")
        picture = await self._files.run(request, self._picture, request.path_params["video"], int(second))
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=600"})

    def _picture(self, video_id: str, second: int) -> bytes:
        file = self._library.file(video_id)
        return self._thumbnails.get(file.path, file.status.st_mtime_ns, second)

    def _count(self, request: Request) -> int:
        return _number(request, "count", 24, 1, MOST_COUNT)


def _number(request: Request, name: str, default: int, low: int, high: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) <= 9 and low <= int(given) <= high):
        raise HTTPException(400, f"{name} is a whole number from {low} to {high}, not '{given[:20]}'.")
    return int(given)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _left(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    if isinstance(error, MMPTError):
        logger.warning("%s: %s", request.url.path, error)
        return JSONResponse({"error": str(error)}, 500)
    return JSONResponse({"error": "The server has failed; its terminal says how."}, 500)

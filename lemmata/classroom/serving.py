"""The live pages behind a local address: one app for each paper, and a first page that leads to them."""

from __future__ import annotations

import contextlib
import functools
import gc
import html
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from lemmata.catalogue import PaperFloors
from lemmata.classroom.lesson import Lesson
from lemmata.extras import MissingExtraError

HOST = "127.0.0.1"
"""Nobody but this machine."""
APP = Path(__file__).with_name("live.py")
_WARMING = threading.Lock()


def bind(port: int = 0) -> socket.socket:
    """A socket on this machine alone, on a free port unless one is asked for.

    Raises
    ------
    OSError
        If the port is taken.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
    except OSError as error:
        opened.close()
        raise OSError(error.errno, f"{error.strerror}; give another --port", f"{HOST}:{port}") from None
    return opened


def site(titles: Mapping[str, str]) -> Any:
    """The pages as an ASGI application: `/` and `/<paper>/` for each paper.

    Parameters
    ----------
    titles : mapping
        Names of the papers to their titles.

    Raises
    ------
    MissingExtraError
        If marimo is not installed.
    """
    try:
        import marimo
        from starlette.applications import Starlette
        from starlette.responses import HTMLResponse
        from starlette.routing import Mount, Route
    except ImportError:
        raise MissingExtraError("the classroom needs marimo; install the extra `classroom`") from None
    apps = marimo.create_asgi_app(quiet=True)
    for name in titles:
        apps = apps.with_app(path=f"/{name}", root=str(APP))
    page = HTMLResponse(_first_page(titles))

    async def first(request: Any) -> HTMLResponse:
        return page

    built: Any = apps.build()

    @contextlib.asynccontextmanager
    async def life(application: Starlette) -> AsyncGenerator[None]:
        yield
        # an app inside another is not told of the end, and marimo's sessions are threads that outlive the server
        states = {getattr(getattr(route, "app", None), "state", None) for route in built.routes}
        managers: set[Any] = {getattr(state, "session_manager", None) for state in states}
        for manager in managers - {None}:
            await manager.shutdown()

    return Starlette(routes=[Route("/", first), Mount("/", app=built)], lifespan=life)


def serve(application: Any, opened: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until interrupted.

    Parameters
    ----------
    application : ASGI application
    opened : socket
        From `bind`.
    ready : callable
        Called once requests are answered.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    config = uvicorn.Config(
        application, log_level="warning", timeout_graceful_shutdown=1
    )  # pages stay connected
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        Server(config).run(sockets=[opened])


def warm(paper: str) -> None:
    """Make a paper's demonstrations fast, by using each of them once; whoever asks meanwhile waits for the end.

    A page waits for it before it shows a slider. Work that goes on behind a page's back delays the page by several
    tenths of a second, as threads take turns; so does a full garbage collection.

    Parameters
    ----------
    paper : str
        Its name; a second call does nothing.
    """
    with _WARMING:
        _use(paper)


@functools.cache
def _use(paper: str) -> None:
    for entry in PaperFloors(paper).demos:
        Lesson(entry.item).draw(entry.item.defaults)  # imports and compiles
        entry.item.evaluate({})
    gc.collect()
    gc.freeze()  # no later collection goes through all the modules again


def _first_page(titles: Mapping[str, str]) -> str:
    links = "".join(f'<li><a href="/{name}/">{html.escape(title)}</a></li>' for name, title in titles.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lemmata classroom</title>'
        '<meta name="viewport" content="width=device-width">'
        "<body style='font: 1.2rem/1.6 sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem'>"
        f"<main><h1>Theorems you can move</h1><ul>{links}</ul></main></body></html>"
    )


__all__ = ["HOST", "bind", "serve", "site", "warm"]

"""`lemmata classroom`: live demonstrations in the browser."""

from __future__ import annotations

import threading
import webbrowser

import click

from lemmata.cli.output import console
from lemmata.cli.session import load_catalogue


@click.command("classroom")
@click.argument("paper", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Port on this machine (default: a free one).")
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
def command(paper: str | None, port: int | None, browser: bool) -> None:
    """Open the live demonstrations of a paper (or a list of all) in the browser; Ctrl-C ends them."""
    catalogue = load_catalogue()
    chosen = catalogue.paper(paper).name if paper is not None else None
    from lemmata.classroom.serving import HOST, bind, serve, site, warm

    application = site({floors.name: floors.title for floors in catalogue if floors.demos})
    with bind(port or 0) as opened:
        address = f"http://{HOST}:{opened.getsockname()[1]}/{f'{chosen}/' if chosen else ''}"
        console().print(f"{address}  (Ctrl-C ends)", markup=False, highlight=False, soft_wrap=True)

        def ready() -> None:
            papers = [catalogue.paper(chosen)] if chosen else catalogue
            demos = [entry.item for floors in papers for entry in floors.demos]
            threading.Thread(target=warm, args=(demos,), daemon=True).start()
            if browser:
                webbrowser.open(address)

        serve(application, opened, ready)

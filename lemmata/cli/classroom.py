"""`lemmata classroom`: live demonstrations in the browser, and their worksheets."""

from __future__ import annotations

import threading
import webbrowser

import click

from lemmata.catalogue import PaperFloors
from lemmata.cli.output import console
from lemmata.cli.session import load_catalogue


@click.command("classroom")
@click.argument("paper", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="Port on this machine (default: a free one).")
@click.option("--browser/--no-browser", default=True, help="Whether to open a browser.")
@click.option("--worksheet", "prints", is_flag=True, help="Print tasks and their answers, and serve nothing.")
def command(paper: str | None, port: int | None, browser: bool, prints: bool) -> None:
    """Open the live demonstrations of a paper (or a list of all) in the browser; Ctrl-C ends them."""
    catalogue = load_catalogue()
    chosen = [catalogue.paper(paper)] if paper is not None else [*catalogue]
    if prints:
        _print_worksheets(chosen)
        return
    from lemmata.classroom.serving import HOST, bind, serve, site, warm

    application = site({floors.name: floors.title for floors in catalogue if floors.demos})
    with bind(port or 0) as opened:
        address = f"http://{HOST}:{opened.getsockname()[1]}/{f'{paper}/' if paper else ''}"
        console().print(f"{address}  (Ctrl-C ends)", markup=False, highlight=False, soft_wrap=True)

        def ready() -> None:
            if paper is not None:  # while the browser opens
                threading.Thread(target=warm, args=(paper,), daemon=True).start()
            if browser:
                webbrowser.open(address)

        serve(application, opened, ready)


def _print_worksheets(papers: list[PaperFloors]) -> None:
    from lemmata.classroom.worksheet import worksheet

    for floors in papers:
        text = worksheet([entry.item for entry in floors.demos])
        click.echo(f"## {floors.title}\n\n{text}\n")

"""The command line. Commands are imported when they are called; `--help` needs neither NumPy nor Numba."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from lemmata.cli.errors import one_line
from lemmata.cli.session import State
from lemmata.names import UnknownNameError

USAGE, DEFECT, INTERRUPTED, PIPE_CLOSED = 2, 70, 130, 141

_COMMANDS = {
    "bench": "Time each kernel beside what one would otherwise write.",
    "check": "Judge the papers' claims; exit 1 when evidence disagrees with the record.",
    "classroom": "Open live demonstrations in the browser.",
    "compact": "Give back room in a ledger.",
    "compare": "Set a result beside its simulation.",
    "figures": "Draw figures, with their data and where these come from.",
    "list": "List papers, results, claims and figures.",
    "predict": "Evaluate a result.",
    "show": "Show a paper, result, claim or figure.",
    "site": "Write the static site: verdicts, stories, figures, blueprints, manual.",
    "sweep": "Run a sweep file into a tidy table.",
    "warmup": "Compile all kernels.",
}
_MODULES = {"list": "listing"}


class _Lazy(click.Group):
    """A group that knows its commands' names and one-line helps, and imports a command when it is called."""

    def main(self, args: Sequence[str] | None = None, *other: Any, **options: Any) -> Any:
        """Errors and interrupts end as `main` below says, however the group is called."""
        if options.get("standalone_mode", True):
            sys.exit(main(args))
        return super().main(args, *other, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            raise UnknownNameError("command", cmd_name, _COMMANDS)
        module = importlib.import_module(f"lemmata.cli.{_MODULES.get(cmd_name, cmd_name)}")
        return module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lemmata", prog_name="lemmata", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Put theorems to the test: closed forms, simulations, figures and verdicts.

    A result is PAPER.NAME, a claim PAPER/C7, a figure PAPER/F1a. Values are TOML literals; commas make a sweep,
    lo:hi:count and log:lo:hi:count are ranges: lemmata predict PAPER.RESULT ridge=log:1e-5:1:6 tokens=512 ...
    """
    ctx.ensure_object(State)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    0 done; 1 evidence disagrees with the record; 2 usage, one line on standard error; 70 a defect of the
    program, with its traceback; 130 interrupted.
    With LEMMATA_TRACEBACK in the environment an error of usage shows where it came from.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    state = State()
    try:
        code: Any = cli.main(args=arguments, prog_name="lemmata", standalone_mode=False, obj=state)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, click.Abort):
        again = shlex.join(["lemmata", *arguments])
        print(f"lemmata: interrupted; {state.kept} chunks are kept; go on with: {again}", file=sys.stderr)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click and rich leave by SystemExit when a reader has gone
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nothing is left to be flushed at exit
        return PIPE_CLOSED
    except Exception as error:
        line = one_line(error)
        if line is None or os.environ.get("LEMMATA_TRACEBACK"):
            traceback.print_exc()
            return DEFECT
        print(f"lemmata: {line}", file=sys.stderr)
        return USAGE


__all__ = ["cli", "main"]

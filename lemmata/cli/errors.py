"""Which errors are the user's to mend, and how they read in one line."""

from __future__ import annotations

import sys

import click

from lemmata.names import UnknownNameError

# looked up among the loaded modules only: an error class cannot have been raised by a module that is not loaded
_OTHERS = {
    "lemmata.chunks": ("SamplerError", "WorkerMismatchError"),
    "lemmata.engines.errors": ("EngineError",),
    "lemmata.extras": ("MissingExtraError",),
    "lemmata.ledger": ("LedgerError",),
}


def one_line(error: Exception) -> str | None:
    """The error in one line, or None if it is a defect of the program, whose traceback is wanted."""
    if isinstance(error, click.ClickException):
        text = error.format_message()
        context = getattr(error, "ctx", None)
        if isinstance(error, click.UsageError) and context is not None:
            text = f"{text.rstrip('.')} (see {context.command_path} --help)"
    elif isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {error}" if str(error) else "not enough memory: a size is too large"
    elif isinstance(error, OverflowError):
        text = f"a parameter is so large or so small that a number is no float ({' '.join(map(str, error.args[-1:]))})"
    elif isinstance(error, (ValueError, UnknownNameError)) or _is_other(error):
        text = str(error)
    else:
        return None
    return " ".join(text.split())


def _is_other(error: Exception) -> bool:
    classes = (
        getattr(sys.modules.get(module), name, None) for module, names in _OTHERS.items() for name in names
    )
    return any(isinstance(error, cls) for cls in classes if cls is not None)


__all__ = ["one_line"]

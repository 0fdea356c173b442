"""What can go wrong with an engine itself."""


class EngineError(RuntimeError):
    """An engine cannot start, or has lost its workers; what was finished before is kept."""

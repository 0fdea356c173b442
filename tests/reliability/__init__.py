"""What happens to runs when something goes wrong, as tables: `python -m tests.reliability` (or `make reliability`).

Each part is a module with a function `run(size) -> tables`; it is run in a process of its own, since it forks,
kills, and takes clocks and disks away. `--small` is what the default tests run.
"""

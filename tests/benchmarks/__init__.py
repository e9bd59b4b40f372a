"""How fast the app is, against what one would use instead, in one run on one machine: ``python -m tests.benchmarks``.

Each benchmark is a module with ``measure(*, quick)``, which yields ``Figure``s; ``catalogue`` lists them. Each runs in
a process of its own, with a new database that is dropped afterwards. None of them is a test: a slow machine fails
nothing.
"""

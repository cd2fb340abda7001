"""Benchmarks: the service beside two yardsticks, in one interleaved run.

`python -m tests.bench --help`
"""

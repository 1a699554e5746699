"""Benchmarks: seeded input, outputs checked against a reference before a time counts."""

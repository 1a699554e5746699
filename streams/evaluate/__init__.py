"""Evaluation: the shipped banks over public data sets, in time order, and what the sets' own rules make of it."""

"""Fuzz: mutated requests through the verb: none may break it, and none may be slow."""

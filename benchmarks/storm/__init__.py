"""Storm: real workers on a real Kafka, a fault a round; afterwards all must be as the fold of the logs gives it."""

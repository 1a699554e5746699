"""What moves: Faust agents, the engine below them, the doors to the outside, the command line."""

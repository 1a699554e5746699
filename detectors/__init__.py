"""What is concluded: pure models with no clock, no I/O and no unseeded chance."""

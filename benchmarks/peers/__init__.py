"""Other stream processors, on the same jobs, the same records and the same core.

A peer is a program in its own environment: `PROGRAM JOB ADDRESS INPUT OUTPUT RECORDS [--session-ms N]`. Its jobs:

noop       read RECORDS records
windows    60 s windows of each sensor: count, sum, min, max, mean and variance; one output for each that has closed
map        answer every record with one of the doubled value, until it is killed

Of a drain it says when it had its first record, half of them and the last (`marks.py`), then sends what it still holds
and ends. Nothing here but `marks.py` is imported by a peer, which need not have what Luminar needs.
"""

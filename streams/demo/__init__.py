"""The demo: a small shop, its visitors, and Luminar between them, on a real Kafka on this machine.

The story, as the terminal tells it. Kafka, a worker and the page start, and a small shop opens: two services behind
one HTTP server, `shop` (two replicas, scaled by Luminar) and `checkout`; 200 customers come, each from an address of
its own, in the rhythm of a day that lasts two minutes. This machine's own telemetry is watched as well.

The first act, which is all that `--once` plays:

1. Half a minute of calm: the models learn. The worker, which needs a while to start, reads the log from its beginning.
   Beside the shop stands a fleet of small services whose measurements are made up. Each breaks in a way of its own
   after half a minute: a disk fills up, a job does not run, memory leaks, errors rise while cpu falls.
2. 127.0.0.66 floods the shop until it is blocked and gets a 403; at the same time checkout's database becomes slow,
   until an alert fires.
3. The worker is killed with SIGKILL, and another one takes over: what is said twice is taken once.
4. A rush: more customers than the shop's replicas manage, until the shop obeys a command for more of them and its queue
   is gone. Meanwhile the new worker resolves the alert about checkout, and ends the block.
5. `--once` closes the shop and compares: every request was counted once, although a worker died in between.

Then other acts follow, over and over, until Ctrl-C: a scanner (127.0.0.77), a bad release with errors, SQL injections
(127.0.0.88), a memory leak, a rush, a slow checkout, the flood again, which is blocked for longer each time. Blocks
end, and superfluous replicas go, by themselves.

Each act goes on until an independent reader of the topics has seen what it is there to show, or a minute has passed.
"""

from __future__ import annotations

from streams.demo.director import run

__all__ = ["run"]

"""How two processes share the tests (`pytest -n 2`): file by file, each with a broker of its own once it needs one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from xdist.scheduler import LoadScopeScheduling

KAFKA = "tests/kafka/"
"""They wait most of the time: whoever runs beside them should compute."""


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives the first process the tests on Kafka first, the others all else first; who has nothing left helps out."""

    workqueue: OrderedDict[str, dict[str, bool]]

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        first = node is self.nodes[0]
        order = sorted(self.workqueue, key=lambda file: (file.startswith(KAFKA) != first, file))
        self.workqueue = OrderedDict((file, self.workqueue[file]) for file in order)
        super()._assign_work_unit(node)

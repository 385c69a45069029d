"""Every query of the dashboards of objectives returns data, or stands in silent_queries.yml with a reason.

Apart from the other dashboards, and after them: budgets are counted at marks of five minutes, which have gone by.
"""

from __future__ import annotations

from typing import Any

from panels import OBJECTIVES, not_judged, problems, questions


def test_every_query_returns_data_or_is_listed(host: Any, lab: dict[str, Any]) -> None:
    wanted = {where for where, _question in questions() if where.startswith(OBJECTIVES)} - not_judged(lab)
    assert wanted
    # The next mark, and the rules after it, which come round every two minutes.
    found = problems(host, wanted, 450)
    assert not found, found

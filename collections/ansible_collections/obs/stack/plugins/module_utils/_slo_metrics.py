# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Names of the series that objectives are recorded as: Sloth's, and ours where Sloth has none.

Apart from how they are made, since reading them needs no more than the names.
"""

from __future__ import annotations

OBJECTIVE = "slo:objective:ratio"
BUDGET = "slo:error_budget:ratio"
PERIOD_DAYS = "slo:time_period:days"
PERIOD_BURN_RATE = "slo:period_burn_rate:ratio"
REMAINING = "slo:period_error_budget_remaining:ratio"
# To be followed by a window, such as 5m.
RATIO = "slo:sli_error:ratio_rate"
BAD_EVENTS = "slo:sli_errors:increase"
# Ours: what a ratio is made of.
ERRORS = "slo:sli_errors:rate5m"
TOTAL = "slo:sli_total:rate5m"

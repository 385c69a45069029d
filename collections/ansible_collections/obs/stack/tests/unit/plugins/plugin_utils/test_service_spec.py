# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of release_service promises is what the action plugin checks, option by option."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils._deploy_option import DEPLOY
from ansible_collections.obs.stack.plugins.modules import release_service, release_service_rollback, release_services
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, SERVICES_SPEC
from ansible_collections.obs.stack.tests.unit.documentation import documented, essence


def test_documentation_and_check_agree() -> None:
    assert documented(release_service) == essence(ARGUMENT_SPEC, "options")
    assert documented(release_services) == essence(SERVICES_SPEC, "options")
    assert essence({"deploy": DEPLOY}, "options").items() <= documented(release_service_rollback).items()

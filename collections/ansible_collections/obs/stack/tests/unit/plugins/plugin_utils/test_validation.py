# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service judged on the controller by a checker of its release: here a script in an archive of the test."""

from __future__ import annotations

import ensurepip
import hashlib
import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.plugin_utils import _validation
from ansible_collections.obs.stack.plugins.plugin_utils._payload import build
from ansible_collections.obs.stack.plugins.plugin_utils._service_spec import ARGUMENT_SPEC, REQUIRED_IF

CANARY = "canary-3kX9"

# Tells its version, and judges a file: every file it names by "file:" must be there, and "bad" is refused.
XD = """#!/bin/sh
case $1 in
  --version) echo "xd 1.2.3"; exit;;
  env) env | sort; exit 1;;
  spawn) exit 0;;
esac
echo "Checking $2"
for path in $(sed -n 's/^.*file: //p' "$2"); do
  test -e "$path" || { echo "stat $path: no such file or directory" >&2; exit 1; }
done
if grep -n bad "$2" >&2; then echo "FAILED: $2" >&2; exit 3; fi
"""


def archive(folder: Path, script: str = XD) -> str:
    """Make the release's archive for any machine; its sha256."""
    path = folder / "x-1.2.3.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("xd")
        member.size, member.mode = len(script), 0o755
        tar.addfile(member, io.BytesIO(script.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    archive(tmp_path)
    return tmp_path


def judge(folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """Validate a task, as the action plugin does; nothing may be left in the scratch folder."""
    sha256 = hashlib.sha256((folder / "x-1.2.3.tar.gz").read_bytes()).hexdigest()
    task = {
        "name": "x",
        "release": {
            "version": "1.2.3",
            "url": f"file://{folder}/x-{{version}}.tar.gz",
            "sha256": {"amd64": sha256, "arm64": sha256},
            "binaries": {"xd": "xd"},
        },
        "fetch": {"cache_dir": str(folder / "cache")},
        "account": {"user": "u", "group": "g"},
        "command": ["xd", "--config=/etc/x/x.yml"],
        "checks": [{"name": "xd check", "argv": ["xd", "check", "/etc/x/x.yml"]}],
        **changes,
    }
    checked = ArgumentSpecValidator(ARGUMENT_SPEC, required_if=REQUIRED_IF).validate(task)
    assert not checked.error_messages, checked.error_messages
    options = checked.validated_parameters
    payload, _warnings = build(options, find=str)
    origins = [{key: str(item.get(key) or "") for key in ("path", "variable", "src")} for item in options["files"]]
    try:
        return _validation.validate(payload, origins, host="h", scratch=str(folder / "scratch"))
    finally:
        assert not list((folder / "scratch").iterdir())


def config(text: str, **more: Any) -> dict[str, Any]:
    return {"path": "x.yml", "content": text, "variable": "x_config", **more}


def test_a_good_configuration_passes_with_its_secrets_and_live_files_in_place(folder: Path) -> None:
    answer, warnings = judge(
        folder,
        files=[config("file: /etc/x/secrets/token\nfile: /etc/obs/x/live/sd.yml\nfile: /etc/obs/x/rules.d\n")],
        secrets=[{"path": "secrets/token", "content": CANARY}],
        live=[{"path": "sd.yml", "data": []}],
    )
    assert answer == {"validated": True, "version": "1.2.3", "not_judged": []} and not warnings


def test_a_checker_may_read_the_release_that_is_judged(folder: Path) -> None:
    argv = ["/usr/bin/grep", "-H", "-c", "no such word", "/opt/obs/x/current/release/./bin/xd"]
    with pytest.raises(StackError, match="status 1") as caught:  # 2: there is no such file
        judge(folder, checks=[{"name": "grep", "argv": argv}])
    assert argv[-1] in str(caught.value) and str(folder) not in str(caught.value)


def test_a_refusal_tells_file_variable_and_host_and_no_secret(folder: Path) -> None:
    with pytest.raises(StackError) as caught:
        judge(
            folder,
            files=[config(f"bad: {CANARY}\n"), {"path": "other.yml", "content": "a: 1\n", "variable": "x_other"}],
            secrets=[{"path": "token", "content": CANARY}],
        )
    text = str(caught.value)
    assert "x 1.2.3 of h" in text and "status 3" in text and "/etc/x/x.yml (x_config)" in text
    assert CANARY not in text and str(folder) not in text and "x_other" not in text
    assert "Checking" not in text, "what passed is not quoted"
    assert (caught.value.step, caught.value.doc) == ("check", "check")


def test_every_checker_is_asked(folder: Path) -> None:
    checks = [{"name": f"check {path}", "argv": ["xd", "check", path]} for path in ("/etc/x/x.yml", "/etc/x/y.yml")]
    with pytest.raises(StackError, match=r"check /etc/x/x\.yml refuses.*check /etc/x/y\.yml refuses"):
        judge(folder, files=[config("bad"), {"path": "y.yml", "content": "bad"}], checks=checks)


def test_a_file_that_only_the_host_has_is_told_and_the_rest_is_judged(folder: Path) -> None:
    text = "file: /srv/none/ca.pem\nfile: /srv/none/key.pem\n"
    answer, warnings = judge(folder, files=[config(text)])
    assert answer["validated"] and answer["not_judged"] == ["/srv/none/ca.pem", "/srv/none/key.pem"]
    assert len(warnings) == 2 and "/srv/none/ca.pem of x on h" in warnings[0]
    with pytest.raises(StackError, match="status 3"):
        judge(folder, files=[config(text + "bad: 1\n")])
    assert not Path("/srv/none").exists()


def test_a_file_of_the_service_that_nobody_declares_is_refused(folder: Path) -> None:
    with pytest.raises(StackError, match=r"stat /etc/x/secrets/token: no such file"):
        judge(folder, files=[config("file: /etc/x/secrets/token\n")])


def test_a_checker_of_the_host_is_not_judged_here(folder: Path) -> None:
    answer, _warnings = judge(folder, checks=[{"name": "own", "argv": ["/srv/none/check", "/etc/x/x.yml"]}])
    assert answer["validated"] and answer["not_judged"] == ["/srv/none/check"]


def test_a_release_of_another_version_is_refused(folder: Path) -> None:
    archive(folder, XD.replace("1.2.3", "1.2.4"))
    with pytest.raises(StackError, match=r"says 'xd 1\.2\.4', wanted version 1\.2\.3"):
        judge(folder, checks=[])


def test_checkers_get_nothing_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    with pytest.raises(StackError) as caught:
        judge(folder, checks=[{"name": "env", "argv": ["xd", "env"]}])
    assert "PATH=" in str(caught.value) and "AWS" not in str(caught.value)


def test_arguments_no_service_can_be_given_are_refused(folder: Path) -> None:
    with pytest.raises(StackError, match="line break"):
        judge(folder, environment={"A": "b\nc"})


def test_without_the_archive_it_is_not_judged_and_says_why(folder: Path) -> None:
    release = {"version": "1.2.3", "url": f"file://{folder}/none.tar.gz", "binaries": {"xd": "xd"}}
    for more, reason in (
        ({"sha256": {"amd64": "0" * 64, "arm64": "0" * 64}}, "none.tar.gz"),
        ({"checksums_url": f"file://{folder}/sums"}, "sums"),
        ({}, "no sha256 is known"),
    ):
        answer, _warnings = judge(folder, release={**release, **more})
        assert answer["validated"] is False and reason in answer["not_validated_because"]


def test_on_another_system_it_is_not_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_validation.platform, "system", lambda: "Darwin")
    answer, _warnings = judge(folder, files=[config("bad")])
    assert answer["validated"] is False and "Darwin" in answer["not_validated_because"]


def test_nothing_is_judged_of_what_shall_be_absent(folder: Path) -> None:
    answer, _warnings = judge(folder, state="absent")
    assert answer["validated"] is True


def test_programs_are_unpacked_once_and_unused_ones_removed(folder: Path) -> None:
    judge(folder)
    unpacked = folder / "cache" / "unpacked"
    first = next(path for path in unpacked.iterdir() if path.is_dir())
    inode = (first / "bin" / "xd").stat().st_ino
    judge(folder)
    assert (first / "bin" / "xd").stat().st_ino == inode
    os.utime(first, (0, 0))
    archive(folder, XD + "\n# another build\n")
    judge(folder)
    assert not first.exists(), "nobody used it for a month"


PROGRAM = """import sys


def main():
    print("xd 1.2.3")
    return int("bad" in open(sys.argv[2]).read()) if sys.argv[1] == "check" else 0
"""


def wheelhouse(folder: Path) -> None:
    """The release as wheels: the program's, by its hash, and pip's."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as wheel:
        wheel.writestr("xd.py", PROGRAM)
        wheel.writestr("xd-1.2.3.dist-info/METADATA", "Metadata-Version: 2.1\nName: xd\nVersion: 1.2.3\n")
        wheel.writestr("xd-1.2.3.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("xd-1.2.3.dist-info/RECORD", "")
    pip = sorted(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    if not pip:
        pytest.skip("this Python carries no wheel of pip")
    files = {
        "requirements.lock": f"xd==1.2.3 --hash=sha256:{hashlib.sha256(packed.getvalue()).hexdigest()}\n".encode(),
        "wheels/xd-1.2.3-py3-none-any.whl": packed.getvalue(),
        f"wheels/{pip[-1].name}": pip[-1].read_bytes(),
    }
    with tarfile.open(folder / "x-1.2.3.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_a_wheelhouse_is_installed_and_its_checker_asked(folder: Path) -> None:
    wheelhouse(folder)
    sha256 = hashlib.sha256((folder / "x-1.2.3.tar.gz").read_bytes()).hexdigest()
    release = {
        "kind": "wheelhouse",
        "version": "1.2.3",
        "url": f"file://{folder}/x-{{version}}.tar.gz",
        "sha256": {"amd64": sha256, "arm64": sha256},
        "binaries": {"xd": "xd:main"},
        "python": sys.executable,
    }
    answer, _warnings = judge(folder, release=release, files=[config("good")])
    assert answer["validated"] is True
    (place,) = [path for path in (folder / "cache" / "unpacked").iterdir() if path.is_dir()]
    assert place.name.endswith("-{}.{}".format(*sys.version_info[:2])), "each interpreter has its own"
    with pytest.raises(StackError, match="refuses"):
        judge(folder, release=release, files=[config("bad")])


def test_files_are_private_while_they_are_judged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(command: Any, root: str) -> tuple[int, str]:
        paths = [Path(root), *(path for path in Path(root).rglob("*") if path.is_file())]
        seen.extend((path, path.stat().st_mode & 0o077) for path in paths)
        return 0, "1.2.3"

    monkeypatch.setattr(_validation, "_run", run)
    judge(folder, secrets=[{"path": "secrets/token", "content": CANARY}])
    assert any(path.name == "token" for path, _mode in seen)
    assert not [path for path, mode in seen if mode]


def test_a_share_of_the_data_file_system_is_a_size(folder: Path) -> None:
    with pytest.raises(StackError, match="bad: '80GB'"):
        judge(folder, files=[config("bad: '@data_filesystem_80_percent@'\n")])


def test_a_checker_that_does_not_end_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive(folder, "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(_validation, "CHECK_SECONDS", 0.2)
    with pytest.raises(StackError, match="no end after"):
        judge(folder, checks=[])

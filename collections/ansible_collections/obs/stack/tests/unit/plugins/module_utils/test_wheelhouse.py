# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release of Python wheels: installed from the archive alone, by hash, and started from nowhere else."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import io
import marshal
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _wheelhouse
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseWish

PYTHON = sys.executable
CODE = "import sys\n\n\ndef main():\n    print('greet', ' '.join(sys.argv))\n    return 3\n"


def wheel(name="greet", version="1.2.3", tag="py3-none-any", code=CODE):
    """(file name, content) of a wheel with one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return f"{name}-{version}-{tag}.whl", packed.getvalue()


def bundled_pip():
    """pip's own wheel, as this Python carries it."""
    found = sorted(pathlib.Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    if not found:
        pytest.skip("this Python carries no wheel of pip")
    return found[-1].name, found[-1].read_bytes()


def lock_of(*wheels):
    lines = []
    for name, content in wheels:
        project, version = name.split("-")[:2]
        lines.append(f"{project}=={version} --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return "".join(lines)


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return str(path)


@pytest.fixture
def install(tmp_path):
    """install(files) -> the folder the release came to lie in."""

    def do(files, entry="greet:main"):
        archive = pack(tmp_path / "wheels.tar.gz", files)
        beside, final = str(tmp_path / ".staging-1"), str(tmp_path / "final")
        _wheelhouse.install_wheelhouse(
            archive, beside, final, url_name="wheels.tar.gz", binaries={"greet": entry}, python=PYTHON
        )
        os.rename(beside, final)
        return pathlib.Path(final)

    return do


def whole(*more):
    wheels = [wheel(), *more]
    pip = bundled_pip()
    return {
        "requirements.lock": lock_of(*wheels).encode(),
        **{f"wheels/{name}": content for name, content in [*wheels, pip]},
    }


def test_program_runs_from_the_packages_of_its_release(install):
    release = install(whole())
    done = subprocess.run([str(release / "bin" / "greet"), "you"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("greet greet you\n", 3), done.stderr


def test_program_looks_nowhere_else(install, tmp_path):
    release = install(whole())
    (tmp_path / "greet.py").write_text("raise SystemExit('the wrong one')\n")
    done = subprocess.run(
        [str(release / "bin" / "greet")],
        capture_output=True,
        text=True,
        check=False,
        cwd=str(tmp_path),
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 3, done.stderr


def test_bytecode_is_there_and_names_the_final_place(install):
    release = install(whole())
    compiled = list(release.glob("packages/greet/__pycache__/*.pyc"))
    assert compiled
    code = marshal.loads(compiled[0].read_bytes()[16:])
    assert code.co_filename == str(release / "packages" / "greet" / "__init__.py")


def test_wheels_are_not_kept_and_nobody_else_may_write(install):
    release = install(whole())
    assert not list(release.rglob("*.whl"))
    loose = [path for path in release.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert not loose


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.pop("requirements.lock"), "it has no requirements.lock"),
        (lambda files: [files.pop(name) for name in list(files) if "pip-" in name], "it has no wheel of pip"),
        (lambda files: files.pop("wheels/" + wheel()[0]), "greet==1.2.3"),
        (lambda files: files.update({"requirements.lock": b"greet==1.2.3\n"}), "hash"),
        (lambda files: files.update({"wheels/" + wheel()[0]: wheel(code="evil = 1\n")[1]}), "MATCH THE HASHES"),
    ],
    ids=["no lock", "no pip", "missing wheel", "no hash", "other content"],
)
def test_what_is_not_as_locked_is_refused_and_leaves_nothing(install, tmp_path, change, said):
    files = whole()
    change(files)
    with pytest.raises(StackError, match=said):
        install(files)
    assert not (tmp_path / ".staging-1").exists()


def test_wheel_of_another_interpreter_is_refused(install):
    other = wheel(tag="cp27-cp27m-manylinux1_x86_64")
    with pytest.raises(StackError, match=r"Could not install wheels.tar.gz for python3\.\d+"):
        install(
            {
                "requirements.lock": lock_of(other).encode(),
                "wheels/" + other[0]: other[1],
                "wheels/" + bundled_pip()[0]: bundled_pip()[1],
            }
        )


@pytest.mark.parametrize("entry", ["greet", "greet:main()", "greet:main; import os", "../greet:main", ""])
def test_entry_that_is_no_entry_is_refused(entry):
    with pytest.raises(StackError, match="module:function"):
        _wheelhouse.launcher("greet", entry, PYTHON)


def test_interpreter_tells_its_version(tmp_path):
    (tmp_path / "python3.11").write_text("")
    (tmp_path / "python3").symlink_to("python3.11")
    assert _wheelhouse.interpreter_tag(str(tmp_path / "python3")) == "python3.11"


@pytest.mark.parametrize("name", ["absent", "dash"])
def test_interpreter_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "dash").write_text("")
    with pytest.raises(StackError, match="as the interpreter"):
        _wheelhouse.interpreter_tag(str(tmp_path / name))


def test_release_of_another_interpreter_is_another_release():
    wish = ReleaseWish(
        version="1.0.0",
        url="https://example.com/x-{version}-py{python}-{arch}.tar.gz",
        checksums_url="",
        sha256={"amd64-python3.11": "a" * 64, "amd64": "b" * 64},
        arch_names={"x86_64": "amd64"},
        binaries={"x": "x:main"},
        version_argv=("--version",),
        kind="wheelhouse",
        python="/usr/bin/python3",
    )
    old, new = wish.for_machine("x86_64", "python3.11"), wish.for_machine("x86_64", "python3.13")
    assert old.url == "https://example.com/x-1.0.0-py3.11-amd64.tar.gz"
    assert (old.id, new.id) == ("1.0.0-aaaaaaaa-python3.11", "1.0.0-bbbbbbbb-python3.13")

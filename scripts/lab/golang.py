"""Release binaries from Go modules: a go.mod per component and version, written from the catalogue."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from scripts.lab import collector
from scripts.lab.catalog import Build, Component

SAY_EVERY = 30  # seconds between two lines of a long build
VERSION_VARIABLE = "github.com/prometheus/common/version.Version"


class BuildFailed(Exception):
    """A build that did not succeed; str() has the compiler's last lines."""


def go_mod(component: Component, version: str, go_version: str) -> str:
    """The build module: our wish and the replaces of the upstream module. Go's version selection does the rest."""
    build = _recipe(component)
    tools = "".join(f"\t{package}\n" for package in sorted(build.commands.values()))
    replaces = "".join(f"replace {line}\n" for line in build.replace)
    return (
        f"module obs.stack/lab/{component.name}\n\ngo {go_version}\n\ntool (\n{tools})\n\n"
        f"require {build.module} {build.versions[version]}\n\n{replaces}"
    )


def compile_release(component: Component, version: str, arch: str, folder: Path) -> dict[str, Path]:
    """Build the binaries of one release for one architecture. Returns name -> file, licence included.

    Go's own build cache makes the second build short. Raises BuildFailed, also where there is no Go.
    """
    build = _recipe(component)
    environment = _environment(f"{component.name} {version}", arch)
    output = folder / arch
    output.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(go_mod(component, version, _go_version()))
    (folder / "go.sum").touch()
    binaries = {}
    if build.collector:
        folder = collector.generate(component, version, folder, environment, _run)
    for name, package in build.commands.items():
        target = output / name.format(arch=arch)
        variables = [VERSION_VARIABLE, *filter(None, [build.variable])]
        command = [*_go_build(target, *(f"{name}={version}" for name in variables)), "-tags", ",".join(build.tags)]
        command.append("." if build.collector else package)
        _run(command, folder, environment, f"building {target.name} {version} {arch} from {build.module}")
        binaries[target.name] = target
    return {**binaries, **_licences(build, version, folder, environment)}


def compile_stand_in(source: Path, version: str, arch: str, target: Path) -> None:
    """Build a stand-in from its own Go module, its version in main.version. Raises BuildFailed."""
    environment = _environment(source.name, arch)
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [*_go_build(target, f"main.version={version}"), "."]
    _run(command, source, {**environment, "GOFLAGS": "-mod=readonly"}, f"building the stand-in {source.name} {version}")


def _go_build(target: Path, *variables: str) -> list[str]:
    ldflags = " ".join(["-s -w", *(f"-X {variable}" for variable in variables)])
    return ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", str(target)]


def _environment(what: str, arch: str) -> dict[str, str]:
    """Go's settings for a static program of one architecture."""
    if not shutil.which("go"):
        raise BuildFailed(f"no go on this machine to build {what} with: install Go (https://go.dev/dl)")
    settings = {"CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": arch, "GOWORK": "off", "GOFLAGS": "-mod=mod"}
    return {**os.environ, **settings}


def _recipe(component: Component) -> Build:
    assert component.build is not None, f"{component.name} has no build recipe"
    return component.build


def _go_version() -> str:
    """Version of the toolchain at hand, e.g. 1.26.8."""
    answer = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True)
    return answer.stdout.strip().removeprefix("go")


def _licences(build: Build, version: str, folder: Path, environment: dict[str, str]) -> dict[str, Path]:
    module = f"{build.module}@{build.versions[version]}"
    answer = subprocess.run(
        ["go", "mod", "download", "-json", module],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    source = Path(json.loads(answer.stdout)["Dir"]) if answer.returncode == 0 else folder
    return {name: source / name for name in ("LICENSE", "NOTICE") if (source / name).exists()}


def _run(command: list[str], folder: Path, environment: dict[str, str], what: str) -> None:
    """Run a build, telling every half minute that it goes on."""
    started = time.monotonic()
    done = threading.Event()

    def tell() -> None:
        print(f"artifacts: {what}", flush=True)
        while not done.wait(SAY_EVERY):
            print(f"artifacts: {what}: {time.monotonic() - started:.0f} s so far", flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    done.set()
    teller.join()
    if result.returncode != 0:
        last = "\n".join(result.stderr.strip().splitlines()[-5:])
        raise BuildFailed(f"{what} failed after {time.monotonic() - started:.0f} s:\n{last}")
    print(f"artifacts: {what}: done in {time.monotonic() - started:.0f} s", flush=True)

"""The sources of an OpenTelemetry Collector, put together by upstream's builder from the catalogue's components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from scripts.lab.catalog import Component

REPOSITORIES = {
    "core": "go.opentelemetry.io/collector",
    "contrib": "github.com/open-telemetry/opentelemetry-collector-contrib",
}
FOLDERS = {
    "receivers": "receiver",
    "processors": "processor",
    "exporters": "exporter",
    "connectors": "connector",
    "extensions": "extension",
}
Run = Callable[[list[str], Path, dict[str, str], str], None]


def manifest(component: Component, version: str, target: Path) -> dict[str, Any]:
    """What the builder reads: the program's name and version, and a Go module per component."""
    assert component.build is not None
    name = next(iter(component.build.commands))
    result: dict[str, Any] = {
        "dist": {
            "module": f"obs.stack/lab/{component.name}",
            "name": name,
            "description": "OpenTelemetry Collector",
            "version": version,
            "output_path": str(target),
        }
    }
    for repository, kinds in component.build.collector.items():
        for kind, parts in kinds.items():
            modules = [f"{REPOSITORIES[repository]}/{FOLDERS[kind]}/{part} v{version}" for part in parts]
            result.setdefault(kind, []).extend({"gomod": module} for module in modules)
    return result


def generate(component: Component, version: str, folder: Path, environment: dict[str, str], run: Run) -> Path:
    """Have the builder write the sources. Returns their folder, with a go.mod of its own."""
    assert component.build is not None
    # The builder runs here, whatever the collector is built for.
    here = {name: value for name, value in environment.items() if name not in ("GOOS", "GOARCH")}
    builder, target = folder / "builder", folder / "source"
    package = next(iter(component.build.commands.values()))
    run(
        ["go", "build", "-o", str(builder), package],
        folder,
        here,
        f"building the builder of {component.name} {version}",
    )
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest(component, version, target), sort_keys=False))
    command = [str(builder), "--skip-compilation", "--config", str(folder / "manifest.yaml")]
    run(command, folder, here, f"putting together {component.name} {version}")
    return target

"""What the stages of a test run brought, and how it is told. Pure, but for reading junit files."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Counts:
    """Tests by outcome; errors count as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Outcome:
    """One stage when it is over. seconds: wall time; budget: minutes it may take, 0 for no budget."""

    name: str
    counts: Counts
    seconds: float
    budget: float = 0
    note: str = ""
    log: Path | None = field(default=None, compare=False)

    @property
    def late(self) -> bool:
        """It took longer than its budget."""
        return 0 < self.budget * 60 < self.seconds


def read_junit(path: Path) -> Counts:
    """Counts of one junit file. An absent or unreadable file counts nothing: the exit code has told already."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return Counts()
    total = Counts()
    for suite in root.iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        total += Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return total


def join_junit(folder: Path, target: Path) -> None:
    """Put all junit files of a folder into one. A suite without a case had nothing to look at: one that was skipped."""
    root = ElementTree.Element("testsuites")
    for path in sorted(folder.glob("*.xml")):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            if suite.get("tests") == "0":
                suite.set("tests", "1")
                suite.set("skipped", "1")
            root.append(suite)
    target.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(target)


def judge(counts: Counts, code: int) -> Counts:
    """Join a stage's counts with its exit code: a stage that failed without a failed test counts as one failure."""
    if code != 0 and counts.failed == 0:
        return counts + Counts(failed=1)
    return counts


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """One line per stage, minutes against budget."""
    lines = [f"{'stage':<22}{'passed':>8}{'failed':>8}{'skipped':>9}{'minutes':>9}{'budget':>8}"]
    for outcome in outcomes:
        counts = outcome.counts
        budget = f"{outcome.budget:g}" if outcome.budget else "-"
        remark = "over budget" if outcome.late else ""
        lines.append(
            f"{outcome.name:<22}{counts.passed:>8}{counts.failed:>8}{counts.skipped:>9}"
            f"{outcome.seconds / 60:>9.1f}{budget:>8}  {'; '.join(filter(None, (remark, outcome.note)))}".rstrip()
        )
    return lines


def total(outcomes: Sequence[Outcome]) -> Counts:
    """Sum over all stages."""
    return sum((outcome.counts for outcome in outcomes), Counts())

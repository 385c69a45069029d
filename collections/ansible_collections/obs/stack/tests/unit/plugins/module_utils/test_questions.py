# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _questions
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._generation import Generation
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout

LAYOUT = Layout("/opt/obs", "toy")
QUESTION = {"name": "bucket toys at s3.example.com", "argv": ["toy", "ls"], "timeout": 7, "hint": "Correct toy_bucket."}
GENERATION = Generation(
    0, {"release": {"version": "1.2.3"}, "account": {"user": "toy", "group": "toy", "groups": []}}, ""
)


def test_question_is_asked_by_the_new_release_with_the_services_environment_and_given_up():
    argv = _questions.question_argv(LAYOUT, QUESTION, {"HTTPS_PROXY": "http://proxy:3128"})
    assert argv == [
        "/usr/bin/env",
        "HTTPS_PROXY=http://proxy:3128",
        "/usr/bin/timeout",
        "--kill-after=2",
        "7",
        "/opt/obs/toy/current/release/bin/toy",
        "ls",
    ]


def test_first_words_are_the_error_of_a_log_without_where_it_happened():
    said = (
        'ts=1 level=info msg="loading bucket configuration"\n'
        'ts=2 level=error err="Get \\"http://h:1/b/\\": connect: connection refused\\nBaseFetcher: iter\\nmain.go:1"'
    )
    assert _questions.first_words(said) == 'Get "http://h:1/b/": connect: connection refused'
    strict = 'level=error err="yaml: unmarshal errors:\\n  line 4: field foo not found\\ncreate S3 client"'
    assert _questions.first_words(strict) == "yaml: unmarshal errors: line 4: field foo not found"
    assert _questions.first_words("a\nb\nc\nd\n") == "b | c | d"
    assert _questions.first_words("") == "no word"


def ask(monkeypatch, code, said=""):
    asked = []

    def answer(argv):
        asked.append(argv)
        return code, said

    monkeypatch.setattr(_questions, "run_in_sandbox", answer)
    unchanged = "Nothing was changed: 1.2.2 still runs."
    _questions.ask_questions(LAYOUT, GENERATION, "/new", questions=[QUESTION], environment={}, unchanged=unchanged)
    return asked


def test_question_has_a_network_and_the_new_generation(monkeypatch):
    (argv,) = ask(monkeypatch, 0)
    assert "PrivateNetwork=yes" not in argv
    assert "BindReadOnlyPaths=/new:/opt/obs/toy/current" in argv
    assert "User=toy" in argv


def test_no_answer_says_who_was_asked_and_that_nothing_changed(monkeypatch):
    with pytest.raises(StackError) as caught:
        ask(monkeypatch, 1, "Access Denied")
    assert str(caught.value) == (
        "Could not reach bucket toys at s3.example.com for toy 1.2.3: Access Denied.\n"
        "Nothing was changed: 1.2.2 still runs. Correct toy_bucket. See docs/troubleshooting.md#question."
    )
    assert caught.value.step == "question"


def test_silence_is_told_with_its_seconds(monkeypatch):
    with pytest.raises(StackError, match="no answer within 7 s"):
        ask(monkeypatch, 124)

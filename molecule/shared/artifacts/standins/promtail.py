#!/usr/bin/python3
"""A stand-in for Promtail, for tests where its archive cannot be had: scripts/artifacts.py writes the version in.

It does what the scenarios ask of Promtail and nothing more: strict configuration and -check-syntax, files and the
journal (by journalctl), positions, relabelling, the stages json, logfmt, regex, timestamp, labels, static_labels,
labeldrop, structured_metadata and output, pushes with retries, credentials and TLS, /ready and /metrics. Like the real
one it notes a position when a line is read, and stops reading while nobody takes a batch. Standard library only,
Python 3.9.
"""

from __future__ import annotations

import base64
import datetime
import glob
import json
import os
import re
import select
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "@version@"


def keys(words, **nested):
    """Keys taken as they are, and those whose own keys are known; a list stands for a list of such."""
    return {**dict.fromkeys(words.split()), **nested}


# What upstream's configuration knows, as far as the scenarios go.
HTTP_CLIENT = keys(
    "authorization bearer_token bearer_token_file proxy_url oauth2 follow_redirects",
    basic_auth=keys("username password password_file"),
    tls_config=keys("ca_file cert_file key_file server_name insecure_skip_verify"),
)
CLIENT = keys(
    "name url tenant_id batchwait batchsize timeout headers external_labels drop_rate_limited_batches",
    backoff_config=keys("min_period max_period max_retries"),
    **HTTP_CLIENT,
)
RELABEL = keys("source_labels separator target_label regex modulus replacement action")
TLS_SERVER = keys("cert_file key_file client_auth_type client_ca_file")
SERVER = keys(
    "http_listen_address http_listen_port grpc_listen_address grpc_listen_port log_level log_format external_url"
    " health_check_target enable_runtime_reload disable profiling_enabled register_instrumentation http_path_prefix"
    " graceful_shutdown_timeout",
    http_tls_config=TLS_SERVER,
    grpc_tls_config=TLS_SERVER,
)
JOB = keys(
    "job_name pipeline_stages encoding decompression file_sd_configs",
    static_configs=[keys("targets labels")],
    journal=keys("json max_age labels path matches"),
    relabel_configs=[RELABEL],
)
SCHEMA = keys(
    "limits_config global options tracing wal",
    server=SERVER,
    positions=keys("filename sync_period ignore_invalid_yaml"),
    clients=[CLIENT],
    client=CLIENT,
    scrape_configs=[JOB],
    target_config=keys("sync_period"),
)
STAGES = keys("json logfmt regex timestamp labels static_labels labeldrop structured_metadata output")
LEVELS = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
GO_TIME = {"2006": "%Y", "01": "%m", "02": "%d", "15": "%H", "04": "%M", "05": "%S", "Jan": "%b"}
GO_TIME.update({"Z07:00": "%z", "-0700": "%z"})


class Refused(Exception):
    """A configuration that Promtail would not take."""


# The YAML that the roles render: block style, scalars plain or quoted.
KEY = re.compile(r"""^('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s'"{\[][^:]*?)\s*:(?:\s+(.*))?$""")


class Yaml:
    def __init__(self, text):
        self.lines = [(len(line) - len(line.lstrip(" ")), line.strip()) for line in text.splitlines()]
        self.lines = [line for line in self.lines if not line[1].startswith(("#", "---"))]
        self.at = 0

    def load(self):
        self.skip()
        if self.at >= len(self.lines):
            return {}
        value = self.block(self.lines[self.at][0])
        self.skip()
        if self.at < len(self.lines):
            raise Refused("yaml: line {}: did not find expected key".format(self.at + 1))
        return value

    def skip(self):
        while self.at < len(self.lines) and not self.lines[self.at][1]:
            self.at += 1

    def block(self, indent):
        item = self.lines[self.at][1].startswith("- ") or self.lines[self.at][1] == "-"
        return self.sequence(indent) if item else self.mapping(indent)

    def sequence(self, indent):
        found = []
        while self.here(indent) and (self.lines[self.at][1].startswith("- ") or self.lines[self.at][1] == "-"):
            rest = self.lines[self.at][1][1:].lstrip()
            if not rest:
                self.at += 1
                self.skip()
                found.append(self.block(self.lines[self.at][0]) if self.deeper(indent) else None)
            elif self.key_of(rest):
                inner = indent + len(self.lines[self.at][1]) - len(rest)
                self.lines[self.at] = (inner, rest)
                found.append(self.mapping(inner))
            elif rest.startswith("- "):
                inner = indent + len(self.lines[self.at][1]) - len(rest)
                self.lines[self.at] = (inner, rest)
                found.append(self.sequence(inner))
            else:
                found.append(self.scalar(rest))
        return found

    def mapping(self, indent):
        found = {}
        while self.here(indent):
            match = self.key_of(self.lines[self.at][1])
            if not match or self.lines[self.at][1].startswith("- "):
                break
            key, rest = match
            if key in found:
                raise Refused(f"yaml: line {self.at + 1}: key {key!r} already set in map")
            if rest:
                found[key] = self.scalar(rest)
                continue
            self.at += 1
            self.skip()
            same = self.here(indent) and self.lines[self.at][1].startswith("-")
            found[key] = self.block(self.lines[self.at][0]) if same or self.deeper(indent) else None
        return found

    def here(self, indent):
        self.skip()
        return self.at < len(self.lines) and self.lines[self.at][0] == indent

    def deeper(self, indent):
        return self.at < len(self.lines) and self.lines[self.at][0] > indent

    @staticmethod
    def key_of(text):
        match = KEY.match(text)
        if not match:
            return None
        key = match.group(1)
        return (Yaml.plain(key) if key[0] in "'\"" else key), (match.group(2) or "")

    def scalar(self, text):
        """A value on this line; quoted ones may go on, with a line break for each empty line."""
        quote = text[0] if text[0] in "'\"" else ""
        whole = r"^'(?:[^']|'')*'$" if quote == "'" else r'^"(?:[^"\\]|\\.)*"$'
        while quote and not re.match(whole, text, re.DOTALL):
            self.at += 1
            if self.at >= len(self.lines):
                raise Refused("yaml: found unexpected end of stream")
            line = self.lines[self.at][1]
            text += "\n" if not line else (line if text.endswith("\n") else " " + line)
        self.at += 1
        return self.plain(text)

    @staticmethod
    def plain(text):
        if text.startswith("'"):
            return text[1:-1].replace("''", "'")
        if text.startswith('"'):
            return json.loads(text.replace("\n", " "))
        if text in ("{}", "[]"):
            return {} if text == "{}" else []
        if text.startswith(("[", "{")):
            raise Refused(f"the stand-in reads block style only, not {text!r}")
        if text in ("null", "~", ""):
            return None
        if text in ("true", "false"):
            return text == "true"
        return int(text) if re.match(r"^-?[0-9]+$", text) else text


def strict(value, schema, path=""):
    if schema is None or value is None:
        return
    if isinstance(schema, list):
        if not isinstance(value, list):
            raise Refused(f"cannot unmarshal {value!r} into a list at {path}")
        for item in value:
            strict(item, schema[0], path)
        return
    if not isinstance(value, dict):
        raise Refused(f"cannot unmarshal {value!r} into a map at {path}")
    for key, item in value.items():
        if key not in schema:
            raise Refused(f"yaml: unmarshal errors: field {key} not found in type {path or 'main.Config'}")
        strict(item, schema[key], f"{path}.{key}".lstrip("."))


def configuration(path):
    with open(path, encoding="utf-8") as stream:
        config = Yaml(stream.read()).load()
    strict(config, SCHEMA)
    names = [job.get("job_name") for job in config.get("scrape_configs") or []]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f'found multiple scrape configs with job name "{name}"')
    for client in config.get("clients") or []:
        if not re.match(r"^https?://", str(client.get("url") or "")):
            raise Refused("client needs target URL")
    return config


def duration(text, default):
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", str(text or ""))
    return sum(float(n) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for n, unit in parts) if parts else default


def log(level, message, **more):
    pairs = "".join(" {}={}".format(key, json.dumps(str(value))) for key, value in more.items())
    print(f"level={level} msg={json.dumps(message)}{pairs}", file=sys.stderr, flush=True)


# Stages.
def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "g") if isinstance(value, float) else str(value)


def parse_time(text, form):
    """Nanoseconds since 1970, or None."""
    number = {"Unix": 10**9, "UnixMs": 10**6, "UnixUs": 10**3, "UnixNs": 1}.get(form)
    try:
        if number:
            return int(float(text) * 10**9) if form == "Unix" else int(text) * number
        pattern = "%Y-%m-%dT%H:%M:%S%z"
        if form not in ("RFC3339", "RFC3339Nano"):
            pattern = re.sub("|".join(map(re.escape, GO_TIME)), lambda match: GO_TIME[match.group()], form)
        match = re.match(r"^(.*:\d\d)(?:[.,](\d{1,9}))?(.*)$", text)
        if not match:
            return None
        zone = match.group(3).replace("Z", "+00:00")
        pattern = re.sub(r"[.,][09]+", "", pattern)
        zone, pattern = (zone, pattern) if "%z" in pattern else ("+00:00", pattern + "%z")
        moment = datetime.datetime.strptime(match.group(1) + zone, pattern)  # noqa: DTZ007  it always has %z
        return int(moment.timestamp()) * 10**9 + int((match.group(2) or "0").ljust(9, "0"))
    except (ValueError, OverflowError):
        return None


class Pipeline:
    def __init__(self, stages):
        self.stages = []
        for stage in stages or []:
            ((name, body),) = stage.items()
            if name not in STAGES:
                raise Refused(f"Unknown stage type: {name}")
            self.stages.append((name, body))

    def run(self, entry):
        """entry: labels, line, time (ns), metadata; changed in place."""
        found = {}
        for name, body in self.stages:
            getattr(self, name)(body, entry, found)

    @staticmethod
    def json(body, entry, found):
        try:
            document = json.loads(text_of(found[body["source"]]) if body.get("source") else entry["line"])
        except (ValueError, KeyError):
            return
        for name, expression in body["expressions"].items() if isinstance(document, dict) else ():
            value = document
            for part in (expression or name).split("."):
                value = value.get(part.strip('"')) if isinstance(value, dict) else None
            found[name] = json.dumps(value) if isinstance(value, (dict, list)) else value

    @staticmethod
    def logfmt(body, entry, found):
        pairs = {key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|(\S*))', entry["line"])}
        for name, key in body["mapping"].items():
            if (key or name) in pairs:
                found[name] = pairs[key or name]

    @staticmethod
    def regex(body, entry, found):
        source = text_of(found.get(body["source"], "")) if body.get("source") else entry["line"]
        match = re.search(body["expression"], source)
        found.update({name: value for name, value in match.groupdict().items() if value is not None} if match else {})

    @staticmethod
    def timestamp(body, entry, found):
        value = found.get(body["source"])
        entry["time"] = (parse_time(text_of(value), body["format"]) if value is not None else None) or entry["time"]

    @staticmethod
    def labels(body, entry, found):
        for name, source in body.items():
            if found.get(source or name) is not None:
                entry["labels"][name] = text_of(found[source or name])

    @staticmethod
    def static_labels(body, entry, found):
        entry["labels"].update({name: str(value) for name, value in body.items() if value})

    @staticmethod
    def labeldrop(body, entry, found):
        for name in body:
            entry["labels"].pop(name, None)

    @staticmethod
    def structured_metadata(body, entry, found):
        for name, source in body.items():
            key = source or name
            if found.get(key) is not None:
                entry["metadata"][name] = text_of(found[key])
            elif key in entry["labels"]:
                entry["metadata"][name] = entry["labels"].pop(key)

    @staticmethod
    def output(body, entry, found):
        if found.get(body["source"]) is not None:
            entry["line"] = text_of(found[body["source"]])


def relabel(labels, rules):
    """Prometheus' relabelling; None when the line is dropped. Labels that begin with __ go."""
    for rule in rules or []:
        action = rule.get("action", "replace")
        expression = re.compile("^(?:{})$".format(rule.get("regex", "(.*)")), re.DOTALL)
        if action in ("labeldrop", "labelkeep"):
            kept = action == "labelkeep"
            labels = {name: value for name, value in labels.items() if bool(expression.match(name)) == kept}
            continue
        value = str(rule.get("separator", ";")).join(labels.get(name, "") for name in rule.get("source_labels") or [])
        match = expression.match(value)
        if (action == "keep" and not match) or (action == "drop" and match):
            return None
        if action == "replace" and match:
            replacement = re.sub(
                r"\$(?:\{(\w+)\}|(\d+))",
                lambda one: r"\g<" + (one.group(1) or one.group(2)) + ">",
                str(rule.get("replacement", "$1")),
            )
            labels[rule["target_label"]] = match.expand(replacement)
    return {name: value for name, value in labels.items() if value and not name.startswith("__")}


# The process.
class Promtail:
    def __init__(self, config):
        self.config = config
        self.stopping = threading.Event()
        self.counts = {"read_lines": 0, "sent_entries": 0, "dropped_entries": 0, "batch_retries": 0}
        positions = config.get("positions") or {}
        self.positions_file = positions.get("filename") or "/var/log/positions.yaml"
        self.sync_period = duration(positions.get("sync_period"), 10)
        self.positions = self.read_positions()
        self.clients = config.get("clients") or []
        jobs = config.get("scrape_configs") or []
        self.jobs = [dict(job, pipeline=Pipeline(job.get("pipeline_stages"))) for job in jobs]
        self.files = {}
        self.journals = []
        self.batch, self.batch_bytes, self.batch_since = {}, 0, 0.0

    def read_positions(self):
        if not os.path.exists(self.positions_file):
            return {}
        with open(self.positions_file, encoding="utf-8") as stream:
            document = Yaml(stream.read()).load()
        return {path: str(value) for path, value in (document.get("positions") or {}).items()}

    def save_positions(self):
        for path in [path for path in self.positions if not path.startswith(("cursor-", "journal-"))]:
            if not os.path.exists(path):
                del self.positions[path]
        unfinished = self.positions_file + ".new"
        entries = sorted(self.positions.items())
        text = "".join(f"  {json.dumps(path)}: {json.dumps(place)}\n" for path, place in entries)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write("positions:\n" + text if text else "positions: {}\n")
        os.replace(unfinished, self.positions_file)

    def ready(self):
        unasked = (self.config.get("server") or {}).get("health_check_target") is False
        return unasked or bool(self.files or self.journals)

    def run(self):
        for job in self.jobs:
            if job.get("journal") is not None:
                self.journals.append((job, self.follow(job)))
        saved = looked = 0.0
        while not self.stopping.is_set():
            if time.monotonic() - looked > 1:
                self.find_files()
                looked = time.monotonic()
            busy = [self.read_file(path) for path in list(self.files)]
            busy += [self.read_journal(*one) for one in self.journals]
            if self.batch and time.monotonic() - self.batch_since >= self.batch_wait():
                self.push()
            if time.monotonic() - saved > self.sync_period:
                self.save_positions()
                saved = time.monotonic()
            if not any(busy):
                self.stopping.wait(0.1)
        self.push()
        self.save_positions()
        for _job, process in self.journals:
            process.terminate()

    def batch_wait(self):
        return min([duration(client.get("batchwait"), 1) for client in self.clients] or [1])

    # files
    def find_files(self):
        for job in self.jobs:
            for group in job.get("static_configs") or []:
                labels = {name: str(value) for name, value in (group.get("labels") or {}).items()}
                excluded = set(glob.glob(labels.get("__path_exclude__", ""), recursive=True))
                for path in glob.glob(labels.get("__path__", ""), recursive=True):
                    if path not in self.files and path not in excluded and os.path.isfile(path):
                        kept = relabel(dict(labels, filename=path), job.get("relabel_configs"))
                        if kept is not None:
                            self.open_file(path, job, kept, int(self.positions.get(path, "0") or 0))

    def open_file(self, path, job, labels, offset):
        try:
            stream = open(path, "rb")  # noqa: SIM115  kept open, as tail does
        except OSError as error:
            log("error", "failed to tail file, stat failed", error=error, filename=path)
            return
        stream.seek(offset if offset <= os.fstat(stream.fileno()).st_size else 0)
        self.files[path] = {"job": job, "labels": labels, "stream": stream, "inode": os.fstat(stream.fileno()).st_ino}

    def read_file(self, path):
        tail = self.files[path]
        start = tail["stream"].tell()
        lines = 0
        while lines < 1000 and not self.stopping.is_set():
            begin = tail["stream"].tell()
            raw = tail["stream"].readline()
            if not raw.endswith(b"\n"):
                tail["stream"].seek(begin)
                break
            lines += 1
            self.positions[path] = str(tail["stream"].tell())
            line = raw[:-1].rstrip(b"\r").decode("utf-8", "replace")
            self.handle(tail["job"], dict(tail["labels"]), line, time.time_ns())
        if lines:
            return True
        try:
            now = os.stat(path)
        except FileNotFoundError:
            tail["stream"].close()
            del self.files[path]
            self.positions.pop(path, None)
            return False
        if now.st_ino != tail["inode"] or now.st_size < start:
            tail["stream"].close()
            self.open_file(path, tail["job"], tail["labels"], 0)
            return True
        return False

    # journal
    def follow(self, job):
        settings = job["journal"]
        command = ["journalctl", "--output=json", "--all", "--follow", "--no-tail"]
        if settings.get("path"):
            command.append("--directory={}".format(settings["path"]))
        cursor = self.positions.get("cursor-" + job["job_name"])
        if cursor:
            command.append(f"--after-cursor={cursor}")
        else:
            command.append("--since=-{}s".format(int(duration(settings.get("max_age"), 7 * 3600))))
        command += str(settings.get("matches") or "").split()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(process.stdout.fileno(), False)
        process.rest = b""
        return process

    def read_journal(self, job, process):
        if not select.select([process.stdout], [], [], 0)[0]:
            return False
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        *lines, process.rest = (process.rest + chunk).split(b"\n")
        for line in lines:
            fields = json.loads(line)
            message = fields.get("MESSAGE")
            if isinstance(message, list) and message and isinstance(message[0], int):
                message = bytes(message).decode("utf-8", "replace")
            if not isinstance(message, str):
                continue
            labels = {"__journal_" + name.lower(): value for name, value in fields.items() if isinstance(value, str)}
            if fields.get("PRIORITY"):
                labels["__journal_priority_keyword"] = LEVELS[int(fields["PRIORITY"])]
            labels.update({name: str(value) for name, value in (job["journal"].get("labels") or {}).items()})
            kept = relabel(labels, job.get("relabel_configs"))
            self.positions["cursor-" + job["job_name"]] = fields["__CURSOR"]
            if kept:
                self.handle(job, kept, message, int(fields["__REALTIME_TIMESTAMP"]) * 1000)
        return bool(chunk)

    # out
    def handle(self, job, labels, line, moment):
        self.counts["read_lines"] += 1
        entry = {"labels": labels, "line": line, "time": moment, "metadata": {}}
        job["pipeline"].run(entry)
        self.batch_since = self.batch_since if self.batch else time.monotonic()
        stream = tuple(sorted(entry["labels"].items()))
        value = [str(entry["time"]), entry["line"]] + ([entry["metadata"]] if entry["metadata"] else [])
        self.batch.setdefault(stream, []).append(value)
        self.batch_bytes += len(entry["line"])
        if self.batch_bytes > min([int(client.get("batchsize") or 1 << 20) for client in self.clients] or [1 << 20]):
            self.push()

    def push(self):
        batch, self.batch, self.batch_bytes = self.batch, {}, 0
        for client in self.clients if batch else []:
            more = {name: str(value) for name, value in (client.get("external_labels") or {}).items()}
            streams = [{"stream": {**more, **dict(labels)}, "values": values} for labels, values in batch.items()]
            self.send(client, json.dumps({"streams": streams}).encode(), sum(map(len, batch.values())))

    def send(self, client, body, entries):
        backoff = client.get("backoff_config") or {}
        wait, most = duration(backoff.get("min_period"), 0.5), duration(backoff.get("max_period"), 300)
        limit = backoff.get("max_retries", 10)
        tries = 0
        while True:
            status, reason = self.post(client, body)
            if 200 <= status < 300:
                self.counts["sent_entries"] += entries
                return
            if status and status != 429 and status < 500:
                break
            tries += 1
            self.counts["batch_retries"] += 1
            log("warn", "error sending batch, will retry", status=status or -1, error=reason)
            if limit and tries >= limit:
                break
            # A stop does not wait for ever, as the real one's would until it is killed.
            if self.stopping.wait(min(wait, most)) and tries > 3:
                break
            wait = min(wait * 2, most)
        self.counts["dropped_entries"] += entries
        log("error", "final error sending batch", status=status or -1, error=reason)

    @staticmethod
    def post(client, body):
        """(status, words); status 0: no answer."""
        request = urllib.request.Request(client["url"], body, {"Content-Type": "application/json"}, method="POST")
        request.headers.update({"User-agent": f"promtail/{VERSION}", **(client.get("headers") or {})})
        if client.get("tenant_id"):
            request.add_header("X-Scope-OrgID", str(client["tenant_id"]))
        try:
            basic = client.get("basic_auth")
            authorization = client.get("authorization") or {}
            if basic:
                password = basic.get("password") or read_secret(basic["password_file"])
                pair = "{}:{}".format(basic["username"], password).encode()
                request.add_header("Authorization", "Basic " + base64.b64encode(pair).decode())
            token_file = authorization.get("credentials_file") or client.get("bearer_token_file")
            if token_file:
                kind = authorization.get("type", "Bearer")
                request.add_header("Authorization", f"{kind} {read_secret(token_file)}")
            tls = client.get("tls_config") or {}
            context = ssl.create_default_context(cafile=tls.get("ca_file"))
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if tls.get("insecure_skip_verify"):
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if tls.get("cert_file"):
                context.load_cert_chain(tls["cert_file"], tls.get("key_file"))
            timeout = duration(client.get("timeout"), 10)
            with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.read(300).decode("utf-8", "replace").strip()
        except (OSError, ValueError) as error:
            return 0, str(error)


def read_secret(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read().strip()


def pages(promtail):
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            if path == "/ready":
                good = promtail.ready()
                self.answer(200 if good else 500, "Ready" if good else "Not ready: Unable to find any logs to tail.")
            elif path == "/metrics":
                lines = [
                    f'promtail_build_info{{version="{VERSION}"}} 1',
                    "promtail_targets_active_total {}".format(len(promtail.files) + len(promtail.journals)),
                ]
                lines += [f'promtail_{name}_total{{host="loki"}} {count}' for name, count in promtail.counts.items()]
                self.answer(200, "\n".join(lines) + "\n", "text/plain; version=0.0.4; charset=utf-8")
            elif path == "/targets":
                self.answer(200, "\n".join(sorted(promtail.files)) + "\n")
            else:
                self.answer(404, "404 page not found\n")

        def answer(self, status, text, kind="text/plain; charset=utf-8"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments):
            """The journal is kept for what tests look for."""

    return Pages


def listener(promtail):
    server = promtail.config.get("server") or {}
    address = (server.get("http_listen_address") or "0.0.0.0", int(server.get("http_listen_port") or 80))
    web = ThreadingHTTPServer(address, pages(promtail))
    tls = server.get("http_tls_config") or {}
    if tls.get("cert_file"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls["cert_file"], tls["key_file"])
        if tls.get("client_auth_type") == "RequireAndVerifyClientCert":
            context.load_verify_locations(tls["client_ca_file"])
            context.verify_mode = ssl.CERT_REQUIRED
        web.socket = context.wrap_socket(web.socket, server_side=True, do_handshake_on_connect=False)
    return web


def flags(argv):
    """Go's flags: one or two dashes, the value behind '=' or, for those that take one, as the next word."""
    found, words = {}, list(argv)
    while words:
        name, equals, value = words.pop(0).lstrip("-").partition("=")
        if name == "config.file" and not equals:
            value = words.pop(0) if words else ""
        if name not in (
            "config.file",
            "version",
            "check-syntax",
            "dry-run",
            "config.expand-env",
            "print-config-stderr",
            "log-config-reverse-order",
            "log.level",
            "server.http-listen-port",
            "inspect",
        ):
            print(f"flag provided but not defined: -{name}", file=sys.stderr)
            raise SystemExit(2)
        found[name] = value or True
    return found


def main(argv):
    given = flags(argv)
    if "version" in given:
        print(f"promtail, version {VERSION} (branch: , revision: stand-in)")
        return 0
    try:
        config = configuration(str(given.get("config.file") or ""))
    except (Refused, OSError) as error:
        print(f"Unable to parse config: {given.get('config.file')}: {error}")
        return 1
    if "check-syntax" in given:
        print("Valid config file! No syntax issues found")
        return 0
    try:
        promtail = Promtail(config)
        web = listener(promtail)
    except (Refused, OSError, ssl.SSLError) as error:
        log("error", "error creating promtail", error=error)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_arguments: promtail.stopping.set())
    threading.Thread(target=web.serve_forever, daemon=True).start()
    log("info", "Starting Promtail", version=VERSION)
    promtail.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

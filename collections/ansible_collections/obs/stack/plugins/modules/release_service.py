#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of the same name does the work; obs.stack.release_service_apply is its half on the host.

from __future__ import annotations

DOCUMENTATION = r"""
module: release_service
short_description: Make a service from a release archive run, upgrade, reload and roll back as a transaction
version_added: "0.1.0"
description:
  - Declares one service, its release, configuration, account, unit, and how it proves that it works. One task, one
    round trip when nothing is to do.
  - A change is planned, staged beside what runs, checked by the new release itself, and only then switched to in one
    rename, with no more than the reload or restart it needs. It is probed, and put back when it does not get ready.
  - A run that fails leaves the service that was there. A run that is killed is healed by the next one.
  - Prints what it would do and the whole difference with C(--check --diff). Secrets are never shown.
  - Each service that a run changes, or fails to change, is told to node_exporter by a text file in
    C(/var/lib/node_exporter), where that folder is there. C(deploy_timestamp_seconds) has the version, generation and
    digest, and the commit where the inventory or the playbook is in a git repository; C(deploy_failed) the step and
    both versions until a run succeeds.
author:
  - obs.stack contributors (@obs-stack)
requirements:
  - On the host, systemd and Python 3.9. The checkers run by C(systemd-run).
options:
  name:
    description:
      - Name of the service, and of its unit.
    type: str
    required: true
  mode:
    description:
      - V(apply) makes it so on the host.
      - >-
        V(validate) renders the whole configuration on the controller and runs the vendor's checkers of the release
        there, made for the controller's architecture. No host is touched, and none needs to be reachable.
      - >-
        V(mirror) only tells which release it would need, as RV(release), for M(obs.stack.release_mirror). Nothing is
        fetched and no host is touched.
    type: str
    choices: [apply, validate, mirror]
    default: apply
  state:
    description:
      - V(started) makes it run, V(stopped) keeps it installed and not running.
      - V(absent) removes it and keeps its data and account, see O(purge_data).
    type: str
    choices: [started, stopped, absent]
    default: started
  enabled:
    description:
      - Whether it starts at boot.
    type: bool
    default: true
  purge_data:
    description:
      - With O(state=absent), also remove the data folder.
    type: bool
    default: false
  root:
    description:
      - Folder that holds the services' releases and generations.
    type: path
    default: /opt/obs
  release:
    description:
      - The release archive. Required unless O(state=absent).
    type: dict
    suboptions:
      kind:
        description:
          - How the release comes. An V(archive) holds programs. It needs O(release.version) and O(release.url).
          - >-
            A V(wheelhouse) is an archive of Python wheels, pip's among them, with a C(requirements.lock) that has a
            hash for each. They are installed for the host's interpreter with nothing asked of an index, owned by root.
          - >-
            A V(distribution) is O(release.package) of the host's package manager, installed when it is missing. Its
            programs stay where the package has them; an upgrade of the package is taken up, with a restart, by the next
            run. What is rolled back is the configuration.
        type: str
        choices: [archive, wheelhouse, distribution]
        default: archive
      version:
        description:
          - Version of the release, without a leading v. The binary's own answer must contain it.
          - Not for a package of the distribution, whose program tells it.
        type: str
        default: ""
      url:
        description:
          - >-
            Upstream's URL of the archive. C({arch}) is replaced by the host's architecture, C({version}) by the
            version, C({python}) by the interpreter's, such as 3.11, where the release is a wheelhouse.
        type: str
        default: ""
      package:
        description:
          - Name of the distribution's package, with O(release.kind=distribution).
        type: str
        default: ""
      masked_units:
        description:
          - >-
            Units of that package that are masked before it is installed, so that its installation starts nothing.
            O(state=absent) takes it back and leaves them disabled.
        type: list
        elements: str
        default: []
      checksums_url:
        description:
          - >-
            The release's checksum file. Used, with a warning that it has the same origin, for an architecture that
            O(release.sha256) does not have.
        type: str
        default: ""
      sha256:
        description:
          - Architecture to sha256 of its archive, 64 hexadecimal digits.
          - A wheelhouse per interpreter has keys such as C(amd64-python3.11).
        type: dict
        default: {}
      arch_names:
        description:
          - What C(uname -m) says to what the archive's name says.
        type: dict
        default: {"x86_64": "amd64", "aarch64": "arm64"}
      binaries:
        description:
          - Name below C(bin/) to path in the archive with its top folder stripped.
          - Of a wheelhouse, name to C(module:function), called without arguments.
          - Of a package, name to absolute path.
        type: dict
        required: true
      python:
        description:
          - Interpreter of a wheelhouse on the host. Another one after an upgrade of the system is a new release.
        type: path
        default: /usr/bin/python3
      version_argv:
        description:
          - Arguments that make the first word of O(command) tell its version. An empty list skips that.
        type: list
        elements: str
        default: ["--version"]
      additions:
        description:
          - Further archives that become part of the release, such as plugins. Another set of them is another release.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description:
              - Folder within the release that it becomes. A single top folder of the archive is left out.
            type: str
            required: true
          url:
            description:
              - Upstream's URL; C({arch}) is replaced by the host's architecture. The mirror has it like the release.
            type: str
            required: true
          sha256:
            description:
              - Architecture to sha256 of its archive, V(any) where one archive serves all.
            type: dict
            required: true
          members:
            description:
              - Files it must have, or it is refused.
            type: list
            elements: str
            default: []
  fetch:
    description:
      - How the archive is fetched.
    type: dict
    suboptions:
      from:
        description:
          - Who fetches, the controller (once for all hosts, into a private cache) or each host.
        type: str
        choices: [controller, host]
        default: controller
      mirror:
        description:
          - URL of a mirror; the archive is then at C(<mirror>/<upstream host>/<upstream path>). C(file://) works.
        type: str
        default: ""
      proxy:
        description:
          - HTTP proxy. The environment's C(https_proxy) and C(no_proxy) are used when left out.
        type: str
        default: ""
      ca_path:
        description:
          - PEM file of the authorities to trust.
        type: str
        default: ""
      headers:
        description:
          - Headers for the first host only, for example C(Authorization). They never follow a redirect elsewhere.
        type: dict
        default: {}
      timeout:
        description:
          - Seconds without an answer after which an attempt is given up.
        type: int
        default: 60
      cache_dir:
        description:
          - Private folder for archives. The default is C(~/.cache/obs-stack/artifacts) on the controller.
        type: str
        default: ""
  account:
    description:
      - System account the service runs as; made when missing. Required unless O(state=absent).
    type: dict
    suboptions:
      user:
        description:
          - User.
        type: str
        required: true
      group:
        description:
          - Primary group.
        type: str
        required: true
      groups:
        description:
          - Supplementary groups, which must exist.
        type: list
        elements: str
        default: []
  command:
    description:
      - >-
        Name of a binary of O(release.binaries), then its arguments. Required unless O(state=absent).
        C(@data_filesystem_80_percent@) within an argument or a file stands for that share of the data file system,
        for example C(201GB).
    type: list
    elements: str
    default: []
  environment:
    description:
      - Environment of the service. Not for secrets.
    type: dict
    default: {}
  files:
    description:
      - Configuration files, below C(/etc/<name>).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path relative to the folder. A V(src) that is a folder is taken whole below it.
        type: str
        required: true
      content:
        description:
          - Text of the file.
        type: raw
      data:
        description:
          - Data to render as YAML.
        type: raw
      src:
        description:
          - File or folder on the controller. Its bytes are passed on as they are, never templated.
        type: path
      mode:
        description:
          - Permission bits, quoted.
        type: str
        default: "0640"
      variable:
        description:
          - Variable the entry came from, for messages.
        type: str
        default: ""
      on_change:
        description:
          - What a change of the file needs. V(reload) when the service can reload, else V(restart), when left out.
        type: str
        choices: [reload, restart, none]
  secrets:
    description:
      - Files whose content may never be shown; the same keys as O(files).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path relative to the folder. A V(src) that is a folder is taken whole below it.
        type: str
        required: true
      content:
        description:
          - Text of the file.
        type: raw
      data:
        description:
          - Data to render as YAML.
        type: raw
      src:
        description:
          - File or folder on the controller. Its bytes are passed on as they are, never templated.
        type: path
      mode:
        description:
          - Permission bits, quoted.
        type: str
        default: "0640"
      variable:
        description:
          - Variable the entry came from, for messages.
        type: str
        default: ""
      on_change:
        description:
          - What a change of the file needs. V(reload) when the service can reload, else V(restart), when left out.
        type: str
        choices: [reload, restart, none]
  live:
    description:
      - Files below C(/etc/obs/<name>/live) that the service re-reads by itself, replaced by rename.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path relative to the folder. A V(src) that is a folder is taken whole below it.
        type: str
        required: true
      content:
        description:
          - Text of the file.
        type: raw
      data:
        description:
          - Data to render as YAML.
        type: raw
      src:
        description:
          - File or folder on the controller. Its bytes are passed on as they are, never templated.
        type: path
      mode:
        description:
          - Permission bits, quoted.
        type: str
        default: "0640"
      variable:
        description:
          - Variable the entry came from, for messages.
        type: str
        default: ""
  data:
    description:
      - The data folder.
    type: dict
    suboptions:
      path:
        description:
          - Absolute path. Made when missing on the first install, never changed recursively, never begun anew.
        type: str
        default: ""
      mode:
        description:
          - Permission bits of a new data folder.
        type: str
        default: "0750"
      flag:
        description:
          - How the process of another installation names its data folder on its command line, for O(adopt).
        type: str
        default: ""
      before:
        description:
          - Command, run as the account with the service stopped, before another version touches the data.
        type: list
        elements: str
        default: []
      begin:
        description:
          - Command, run as the account before a start while a service that O(replaces) names still runs. It notes what
            is there now as done, since the other one still does it.
        type: list
        elements: str
        default: []
      hand_over:
        description:
          - Command, run as the account while the service runs, before another one that replaces it stops it. It ends
            once all that was there when it began is passed on, and fails when that takes longer than two minutes.
        type: list
        elements: str
        default: []
      finish:
        description:
          - Command, run as the account after that stop, before the service is removed. It passes on what the service
            had taken and kept.
        type: list
        elements: str
        default: []
      restore:
        description:
          - Command that undoes what the new version did to the data, run before going back.
        type: list
        elements: str
        default: []
      periods:
        description:
          - >-
            Periods of the data's format, each with C(from) as YYYY-MM-DD. One that has begun may neither change nor go,
            and a new one begins after today (UTC); otherwise the change, or the rollback, is refused.
        type: list
        elements: dict
        default: []
      no_return:
        description:
          - Versions whose data older ones cannot read.
        type: list
        elements: dict
        default: []
        suboptions:
          at_least:
            description:
              - First version the rule is about.
            type: str
            default: ""
          less_than:
            description:
              - First version it is no longer about.
            type: str
            default: ""
          below:
            description:
              - Going back below this version is refused.
            type: str
            required: true
          reason:
            description:
              - Why, for the message.
            type: str
            default: ""
  unit:
    description:
      - What stands in the unit besides the account and the command.
    type: dict
    suboptions:
      description:
        description:
          - Description of the unit.
        type: str
        default: ""
      documentation:
        description:
          - URLs.
        type: list
        elements: str
        default: []
      after:
        description:
          - Units to start after.
        type: list
        elements: str
        default: []
      wants:
        description:
          - Units wanted.
        type: list
        elements: str
        default: []
      sandbox:
        description:
          - systemd directives over the hardened base; null takes one away.
        type: dict
        default: {}
      limits:
        description:
          - Resource limits as systemd directives, for example C(MemoryMax).
        type: dict
        default: {}
      stop_timeout:
        description:
          - Seconds the service may take to stop.
        type: int
        default: 90
  checks:
    description:
      - Vendor's checkers. Run with the new release on the whole new configuration, as the account, without a network.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name for messages.
        type: str
        required: true
      argv:
        description:
          - The command; its first word is one of the binaries or an absolute path.
        type: list
        elements: str
        required: true
  questions:
    description:
      - Questions to what the service needs elsewhere, such as its bucket. Asked where a process is to be started anew,
        after the checkers and before the switch, by the new release, as the account, with the service's environment and
        a network.
      - One that is not answered stops the run before anything changes. Asked in check mode too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - What is asked, for messages, for example V(bucket metrics at s3.example.com).
        type: str
        required: true
      argv:
        description:
          - The command; its first word is one of the binaries or an absolute path. It must change nothing.
        type: list
        elements: str
        required: true
      timeout:
        description:
          - Seconds after which it is given up.
        type: int
        default: 30
      hint:
        description:
          - What to do when it is not answered, for messages.
        type: str
        default: ''
  reload:
    description:
      - How the service reloads. Left out, every change restarts it.
    type: dict
    suboptions:
      signal:
        description:
          - Signal to its main process.
        type: str
        default: HUP
      timeout:
        description:
          - Seconds to wait for the proof.
        type: int
        default: 120
      proof:
        description:
          - Metrics by which a reload is proven; without it the signal alone has to do.
        type: dict
        suboptions:
          path:
            description:
              - Path of the metrics.
            type: str
            default: /metrics
          success:
            description:
              - >-
                Gauge that is 1 when the last reload succeeded. Left out for a service that only tells the time; a
                failed reload of it is known by O(reload.timeout).
            type: str
            default: ""
          timestamp:
            description:
              - Gauge with the time of the last successful reload, in seconds or any number that is then another one.
            type: str
            required: true
  probe:
    description:
      - How the service is proven ready.
    type: dict
    suboptions:
      scheme:
        description:
          - Scheme.
        type: str
        choices: [http, https]
        default: http
      address:
        description:
          - Address to connect to.
        type: str
        default: "127.0.0.1"
      port:
        description:
          - Port; it must belong to the unit's process.
        type: int
        required: true
      path:
        description:
          - Path of readiness.
        type: str
        default: /
      status:
        description:
          - Statuses that mean ready.
        type: list
        elements: int
        default: [200]
      ca_path:
        description:
          - PEM file, absolute or below C(/etc/<name>).
        type: str
        default: ""
      server_name:
        description:
          - Name in the certificate, when it is not the address.
        type: str
        default: ""
      username:
        description:
          - User of basic authentication.
        type: str
        default: ""
      password_file:
        description:
          - Path of a secret, below C(/etc/<name>), that holds the password.
        type: str
        default: ""
      client_cert:
        description:
          - Client certificate, below C(/etc/<name>).
        type: str
        default: ""
      client_key:
        description:
          - Its key, below C(/etc/<name>).
        type: str
        default: ""
      validate_certs:
        description:
          - Whether to check the certificate.
        type: bool
        default: true
  ready_timeout:
    description:
      - Seconds a living process may take to get ready. A dead one fails at once.
    type: int
    default: 300
  settle:
    description:
      - >-
        What must hold after a restart before a rollout goes on. When it does not, the run fails and the new version
        stays.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - Path of a JSON answer, or of metrics.
        type: str
        required: true
      metric:
        description:
          - >-
            A metric in the text format with labels to select by, such as
            V(loki_ring_members{name="ingester",state="ACTIVE"}). What matches is summed.
        type: str
        default: ""
      json:
        description:
          - Dotted path into it.
        type: str
        default: ""
      count:
        description:
          - Whether to count what is there instead of comparing it.
        type: bool
        default: false
      at_least:
        description:
          - A number, or V(before) for what it was before the restart.
        type: str
      equals:
        description:
          - A value.
        type: str
  settle_timeout:
    description:
      - Seconds to wait for O(settle).
    type: int
    default: 120
  settle_seconds:
    description:
      - Seconds to wait after that, for what cannot be polled.
    type: int
    default: 0
  keep_generations:
    description:
      - How many generations stay on the host, 2 or more.
    type: int
    default: 5
  adopt:
    description:
      - >-
        Take over another installation of the service: its configuration is moved aside, data and account stay.
    type: bool
    default: false
  former_units:
    description:
      - Unit names the service has in other installations.
    type: list
    elements: str
    default: []
  former_paths:
    description:
      - Further paths of other installations, moved aside with O(adopt).
    type: list
    elements: str
    default: []
  replaces:
    description:
      - Services below the same O(root) whose place this one takes.
      - Once it runs and is proven, they pass on what they have, are stopped and removed as with O(state=absent), data
        kept. When one cannot, the run fails and both stay; the next run goes on from there.
    type: list
    elements: str
    default: []
  lock_timeout:
    description:
      - Seconds to wait for another run on the same service of the same host.
    type: int
    default: 60
extends_documentation_fragment:
  - obs.stack.attributes
  - obs.stack.deploy
  - obs.stack.links
attributes:
  check_mode:
    support: full
    details:
      - Downloads nothing. RV(validated) is false while the release is not on the host, with the reason beside it.
      - O(mode=validate) and O(mode=mirror) change no host, with and without check mode.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: obs.stack.release_mirror
  - module: obs.stack.release_service_info
  - module: obs.stack.release_service_rollback
"""

EXAMPLES = r"""
- name: Run an exporter of your own as a service
  obs.stack.release_service:
    name: shop_exporter
    release:
      version: 1.4.0
      url: https://downloads.example.com/shop_exporter-{version}.linux-{arch}.tar.gz
      sha256:
        amd64: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      binaries:
        shop_exporter: shop_exporter
    account:
      user: shop_exporter
      group: shop_exporter
    command:
      - shop_exporter
      - --config=/etc/shop_exporter/config.yml
    files:
      - path: config.yml
        data:
          listen: 127.0.0.1:9400
    secrets:
      - path: token
        content: "{{ shop_token }}"
    probe:
      port: 9400
      path: /healthz

- name: Judge its configuration on the controller, with no host in reach
  obs.stack.release_service:
    name: shop_exporter
    mode: validate
    release:
      version: 1.4.0
      url: https://downloads.example.com/shop_exporter-{version}.linux-{arch}.tar.gz
      checksums_url: https://downloads.example.com/sha256sums.txt
      binaries:
        shop_exporter: shop_exporter
    account:
      user: shop_exporter
      group: shop_exporter
    command:
      - shop_exporter
      - --config=/etc/shop_exporter/config.yml
    files:
      - path: config.yml
        content: "{{ lookup('ansible.builtin.file', 'config.yml') }}"
    checks:
      - name: shop_exporter check
        argv:
          - shop_exporter
          - check
          - /etc/shop_exporter/config.yml

- name: Take it away again, data kept
  obs.stack.release_service:
    name: shop_exporter
    state: absent
"""

RETURN = r"""
action:
  description:
    - What was done, or would be. One of V(none), V(install), V(adopt), V(upgrade), V(downgrade), V(reinstall),
      V(reconfigure), V(heal), V(start), V(stop), V(remove), V(replace), V(held).
  returned: success
  type: str
  sample: upgrade
reloaded:
  description: Whether the service was reloaded.
  returned: success
  type: bool
restarted:
  description: Whether the service was restarted.
  returned: success
  type: bool
generation:
  description: Number of the generation that runs now.
  returned: success
  type: int
  sample: 4
from:
  description: Version and generation before, empty on a first install.
  returned: success
  type: dict
  sample: {version: 3.13.4, generation: 3}
to:
  description: Version and generation after.
  returned: success
  type: dict
  sample: {version: 3.13.5, generation: 4}
reasons:
  description: Why something is done, in words.
  returned: success
  type: list
  elements: str
validated:
  description: Whether the checkers have passed the new configuration.
  returned: when there is something to check
  type: bool
not_validated_because:
  description: Why they could not run, in check mode or with O(mode=validate).
  returned: when RV(validated) is false
  type: str
not_judged:
  description:
    - Paths outside of the service's own folders that the configuration names and that are on the host only. Something
      stood in for them on the controller.
  returned: with O(mode=validate)
  type: list
  elements: str
  sample: [/etc/ssl/private/prometheus.pem]
rule_findings:
  description:
    - What is to be mended in files of alert and recording rules, though the checkers take them.
  returned: with O(mode=validate)
  type: list
  elements: str
  sample: ["Rules rules/alerts/shop.yml of prometheus: shop / ShopDown: no annotation summary."]
version:
  description: Version that was judged or would be needed.
  returned: with O(mode=validate) and O(mode=mirror)
  type: str
  sample: 3.13.5
release:
  description: The release that is needed, empty with O(state=absent).
  returned: with O(mode=mirror)
  type: dict
step:
  description: Phase in which a run failed.
  returned: failure
  type: str
  sample: probe
"""

"""Hosts."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="node_exporter", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"
DISKS = f'{M}, device!~"dm-.+|loop.+|ram.+"'
NICS = f'{M}, device!~"lo|veth.+|br-.+|docker.+"'
FILES = f'{M}, fstype!~"tmpfs|overlay|squashfs|ramfs", mountpoint!=""'
SPACE = f"1 - node_filesystem_avail_bytes{{{FILES}}} / node_filesystem_size_bytes{{{FILES}}}"

BOARD = look.Board(
    uid="obs-host",
    folder="Platform",
    title="Hosts",
    question="What is short on a host: processor, memory, disk or network?",
    variables=[
        ask.metrics_source(),
        ask.logs_source(),
        ask.site("node_uname_info"),
        ask.instance('node_uname_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Hosts",
            [
                look.table(
                    "Hosts",
                    "Each host with what it uses of what it has.",
                    {
                        "CPU": ask.prom(
                            f'1 - avg by (site, instance) (rate(node_cpu_seconds_total{{{M}, mode="idle"}}[{R}]))',
                            instant=True,
                        ),
                        "Memory": ask.prom(
                            f"max by (site, instance) (1 - node_memory_MemAvailable_bytes{{{M}}} / node_memory_MemTotal_bytes{{{M}}})",
                            instant=True,
                        ),
                        "Fullest disk": ask.prom(f"max by (site, instance) ({SPACE})", instant=True),
                        "Load per core": ask.prom(
                            f"max by (site, instance) (node_load1{{{M}}}) / count by (site, instance)"
                            f' (node_cpu_seconds_total{{{M}, mode="idle"}})',
                            instant=True,
                        ),
                        "Runs for": ask.prom(
                            f"time() - max by (site, instance) (node_boot_time_seconds{{{M}}})", instant=True
                        ),
                    },
                    by={"instance": "Host", "site": "Site"},
                    units={
                        "CPU": "percentunit",
                        "Memory": "percentunit",
                        "Fullest disk": "percentunit",
                        "Load per core": "none",
                        "Runs for": "dtdurations",
                    },
                    steps={"CPU": look.NEARLY_FULL, "Memory": look.NEARLY_FULL, "Fullest disk": look.NEARLY_FULL},
                    sort="Fullest disk",
                )
            ],
        ),
        look.Row(
            "Processor and memory",
            [
                look.lines(
                    "CPU used",
                    "Share of all cores that is not idle.",
                    ask.prom(
                        f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{M}, mode="idle"}}[{R}]))', "{{instance}}"
                    ),
                    unit="percentunit",
                    maximum=1,
                    steps=look.NEARLY_FULL,
                ),
                look.lines(
                    "CPU by mode",
                    "Cores by what they do; much iowait or steal is not the host's own work.",
                    ask.prom(f'sum by (mode) (rate(node_cpu_seconds_total{{{M}, mode!="idle"}}[{R}]))', "{{mode}}"),
                    unit="none",
                    stacked=True,
                ),
                look.lines(
                    "Load per core",
                    "Processes that run or want to, for each core. Above 1 some wait.",
                    ask.prom(
                        f'max by (instance) (node_load1{{{M}}}) / count by (instance) (node_cpu_seconds_total{{{M}, mode="idle"}})',
                        "{{instance}}",
                    ),
                    unit="none",
                    steps=((None, look.GREEN), (1, look.YELLOW), (2, look.RED)),
                ),
                look.lines(
                    "Memory used",
                    "Share of the memory that is not available to programs.",
                    ask.prom(
                        f"1 - node_memory_MemAvailable_bytes{{{M}}} / node_memory_MemTotal_bytes{{{M}}}", "{{instance}}"
                    ),
                    unit="percentunit",
                    maximum=1,
                    steps=look.NEARLY_FULL,
                ),
                look.lines(
                    "Memory available",
                    "What programs can still have without swapping.",
                    ask.prom(f"node_memory_MemAvailable_bytes{{{M}}}", "{{instance}}"),
                    unit="bytes",
                ),
                look.lines(
                    "Pages from disk",
                    "Major faults: programs that wait for memory to come back from disk.",
                    ask.prom(f"rate(node_vmstat_pgmajfault{{{M}}}[{R}])", "{{instance}}"),
                    unit="cps",
                ),
            ],
        ),
        look.Row(
            "Disks",
            [
                look.lines(
                    "Space used",
                    "Share of each file system.",
                    ask.prom(SPACE, "{{instance}} {{mountpoint}}"),
                    unit="percentunit",
                    maximum=1,
                    steps=look.NEARLY_FULL,
                ),
                look.lines(
                    "Full in",
                    "At the pace of the last six hours; only file systems that fill up are shown.",
                    ask.prom(
                        f"node_filesystem_avail_bytes{{{FILES}}} / (-deriv(node_filesystem_avail_bytes{{{FILES}}}[6h]) > 0)",
                        "{{instance}} {{mountpoint}}",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Inodes used",
                    "Share of each file system's inodes.",
                    ask.prom(
                        f"1 - node_filesystem_files_free{{{FILES}}} / (node_filesystem_files{{{FILES}}} > 0)",
                        "{{instance}} {{mountpoint}}",
                    ),
                    unit="percentunit",
                    maximum=1,
                ),
                look.lines(
                    "Busy",
                    "Share of time in which a disk had something to do.",
                    ask.prom(f"rate(node_disk_io_time_seconds_total{{{DISKS}}}[{R}])", "{{instance}} {{device}}"),
                    unit="percentunit",
                ),
                look.lines(
                    "Written and read",
                    "Bytes to and from each disk.",
                    ask.prom(f"rate(node_disk_written_bytes_total{{{DISKS}}}[{R}])", "written {{instance}} {{device}}"),
                    ask.prom(f"rate(node_disk_read_bytes_total{{{DISKS}}}[{R}])", "read {{instance}} {{device}}"),
                    unit="Bps",
                ),
                look.lines(
                    "Time of a write",
                    "Mean time in which a write is done.",
                    ask.prom(
                        f"rate(node_disk_write_time_seconds_total{{{DISKS}}}[{R}])"
                        f" / (rate(node_disk_writes_completed_total{{{DISKS}}}[{R}]) > 0)",
                        "{{instance}} {{device}}",
                    ),
                    unit="s",
                ),
            ],
        ),
        look.Row(
            "Network and system",
            [
                look.lines(
                    "Traffic",
                    "Bytes in and out by network card.",
                    ask.prom(f"rate(node_network_receive_bytes_total{{{NICS}}}[{R}])", "in {{instance}} {{device}}"),
                    ask.prom(f"rate(node_network_transmit_bytes_total{{{NICS}}}[{R}])", "out {{instance}} {{device}}"),
                    unit="Bps",
                ),
                look.lines(
                    "Packets dropped or broken",
                    "Anything above nothing is worth a look.",
                    ask.prom(
                        f"rate(node_network_receive_drop_total{{{NICS}}}[{R}]) + rate(node_network_receive_errs_total{{{NICS}}}[{R}])",
                        "in {{instance}} {{device}}",
                    ),
                    ask.prom(
                        f"rate(node_network_transmit_drop_total{{{NICS}}}[{R}]) + rate(node_network_transmit_errs_total{{{NICS}}}[{R}])",
                        "out {{instance}} {{device}}",
                    ),
                    unit="pps",
                ),
                look.lines(
                    "Clock",
                    "How far a clock is off.",
                    ask.prom(f"node_timex_offset_seconds{{{M}}}", "{{instance}}"),
                    unit="s",
                    minimum=None,
                ),
                look.table(
                    "Units that failed",
                    "Units of systemd in state failed.",
                    {"Failed": ask.prom(f'node_systemd_unit_state{{{M}, state="failed"}} == 1', instant=True)},
                    by={"instance": "Host", "name": "Unit"},
                    width=8,
                ),
                look.log_lines(
                    "Errors in the journals",
                    "Lines at level error and above, of every service of the hosts.",
                    '{service_name=~".+"} | site=~"$site" | instance=~"$instance" | detected_level=~"error|critical|fatal"',
                    width=16,
                    height=8,
                ),
            ],
        ),
    ],
)

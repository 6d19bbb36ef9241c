#!/usr/bin/env python3
"""Whether a run over a slow link says that it would be faster alone, and whether its figures are right.

Two silos in network namespaces, each end of the link between them limited by `tc tbf`; a run with both, then the same
run with one. Prints the warning, the steps measured and the ratio of what was foreseen to what was measured. Needs root,
`ip`, `tc` and a Release build. Exit code 1 if nothing was said, it was said twice, or a figure is off by more than 25 %.

    python3 tests/benchmarks/slow_link.py [MEGABITS]
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SILO = f"{ROOT}/silo/bin/Release/net10.0/Gpt2Cluster.Silo.dll"
CLIENT = f"{ROOT}/client/bin/Release/net10.0/Gpt2Cluster.Client.dll"
MEGABITS = sys.argv[1] if len(sys.argv) > 1 else "50"
STEPS = 12
WARM_UP = 2
TOLERANCE = 0.25
NAMES = [f"slow{os.getpid()}{end}" for end in "ab"]
ADDRESSES = ["10.213.77.1", "10.213.77.2"]


def run(*words, check=True):
    return subprocess.run(words, check=check)


def lay_link():
    for name in NAMES:
        run("ip", "netns", "add", name)
    run("ip", "link", "add", "s0", "netns", NAMES[0], "type", "veth", "peer", "name", "s0", "netns", NAMES[1])
    for name, address in zip(NAMES, ADDRESSES):
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "s0")
        run("ip", "-n", name, "link", "set", "s0", "up")
        run("tc", "-n", name, "qdisc", "add", "dev", "s0", "root",
            "tbf", "rate", f"{MEGABITS}mbit", "burst", "64kb", "latency", "100ms")


def start_silo(index, folder, *more):
    data, ready = f"{folder}/{index}", f"{folder}/ready{index}"
    silo = subprocess.Popen(
        ["ip", "netns", "exec", NAMES[index], "dotnet", SILO, "--data", data, "--advertise", ADDRESSES[index],
         "--devices", "cpu", "--name", f"s{index}", "--ready-file", ready, *more],
        stdout=open(f"{folder}/log{index}", "w"), stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while not os.path.exists(ready):
        if silo.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"silo {index} did not start:\n{open(f'{folder}/log{index}').read()[-2000:]}")
        time.sleep(0.2)
    return silo


def train(folder, name, workers):
    """The events of a run that is watched to its end."""
    done = subprocess.run(
        ["ip", "netns", "exec", NAMES[0], "dotnet", CLIENT, "train", f"{ROOT}/deploy/quickstart/verses.txt",
         "--cluster", f"{ADDRESSES[0]}:30000", "--data", f"{folder}/client", "--model", "scratch:tiny", "--run", name,
         "--steps", str(STEPS), "--workers", str(workers), "--threads-per-worker", "1", "--micro-batches", "4",
         "--sample-every", "0", "--val-every", "0", "--save-every", "0", "--json"],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"run {name} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def step_seconds(events):
    return statistics.median(event["seconds"] for event in events if event["event"] == "step" and event["step"] > WARM_UP)


def main():
    folder, silos = tempfile.mkdtemp(prefix="slow-link-"), []
    try:
        lay_link()
        silos.append(start_silo(0, folder, "--redis", "embedded:6390"))
        silos.append(start_silo(
            1, folder, "--redis", f"{ADDRESSES[0]}:6390", "--redis-password-file", f"{folder}/0/store-password"))
        both, alone = train(folder, "both", 2), train(folder, "alone", 1)
    finally:
        for silo in silos:
            silo.terminate()
        for silo in silos:
            silo.wait(30)
        for name in NAMES:
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(folder, ignore_errors=True)

    said = [event["message"] for event in both if event["event"] == "warning" and "A step takes" in event["message"]]
    print(*said, sep="\n")
    if len(said) != 1:
        raise SystemExit(f"it was said {len(said)} times")
    now, foreseen = (float(re.search(pattern, said[0]).group(1)) for pattern in
                     (r"A step takes ([\d.]+) s", r"it would take about ([\d.]+) s"))
    off = False
    for what, figure, measured in (("both", now, step_seconds(both)), ("alone", foreseen, step_seconds(alone))):
        off |= abs(figure / measured - 1) > TOLERANCE
        print(f"{what}: said {figure:.2f} s, measured {measured:.2f} s, ratio {figure / measured:.2f}")
    sys.exit(1 if off else 0)


main()

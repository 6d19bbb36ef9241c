#!/usr/bin/env python3
"""Whether a run over a slow link says that it would be faster alone, and whether its figures are right.

Two silos in network namespaces, each end of the link between them limited by `tc tbf`; `inspect --cluster` before, then a
run with both and the same run with one, every worker with one thread. The silos run before other programs (`chrt --rr 1`),
as a machine at work makes compute threads, which are nice, wait several times as long as they compute. Prints the advice,
and beside each figure of it and of `inspect` the fastest step that was measured. Other programs only make a step longer, so
all of it can be repeated: of ROUNDS (1) the smallest figures count, foreseen and measured alike. Needs root, `ip`, `tc`, `chrt`,
two cores and a Release build. Exit code 1 if in any round nothing was said or it was said twice, if `inspect` gave no such
advice, or if a figure is off by more than 25 %.

    python3 tests/benchmarks/slow_link.py [MEGABITS [ROUNDS]]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SILO = f"{ROOT}/silo/bin/Release/net10.0/Gpt2Cluster.Silo.dll"
CLIENT = f"{ROOT}/client/bin/Release/net10.0/Gpt2Cluster.Client.dll"
MEGABITS = sys.argv[1] if len(sys.argv) > 1 else "50"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 1
BOTH_STEPS = 9
ALONE_STEPS = 20
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
        ["ip", "netns", "exec", NAMES[index], "chrt", "--rr", "1", "dotnet", SILO, "--data", data, "--advertise", ADDRESSES[index],
         "--devices", "cpu", "--name", f"s{index}", "--ready-file", ready, *more],
        stdout=open(f"{folder}/log{index}", "w"), stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while not os.path.exists(ready):
        if silo.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"silo {index} did not start:\n{open(f'{folder}/log{index}').read()[-2000:]}")
        time.sleep(0.2)
    return silo


def client(command, *words):
    """The lines of JSON that a command prints."""
    done = subprocess.run(
        ["ip", "netns", "exec", NAMES[0], "dotnet", CLIENT, command, f"{ROOT}/deploy/quickstart/verses.txt",
         "--cluster", f"{ADDRESSES[0]}:30000", "--model", "scratch:tiny", "--threads-per-worker", "1",
         "--micro-batches", "4", "--json", *words],
        capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{command} {words} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def train(name, workers, steps):
    """The events of a run that is watched to its end."""
    return client("train", "--run", name, "--steps", str(steps), "--workers", str(workers),
                  "--sample-every", "0", "--val-every", "0", "--save-every", "0")


def fastest_step(events):
    return min(event["seconds"] for event in events if event["event"] == "step" and event["step"] > WARM_UP)


def measure(number):
    """What was foreseen and measured, seconds of a step by (who says it, with how many workers)."""
    [inspected] = client("inspect")
    both, alone = train(f"both{number}", 2, BOTH_STEPS), train(f"alone{number}", 1, ALONE_STEPS)
    said = [event["message"] for event in both if event["event"] == "warning" and "A step takes" in event["message"]]
    foreseen = inspected["cluster"]
    print(foreseen["advice"], *said, sep="\n")
    if len(said) != 1:
        raise SystemExit(f"the run said it {len(said)} times")
    if foreseen["fastest_workers"] != 1 or foreseen["advice"] is None:
        raise SystemExit(f"inspect advises {foreseen['fastest_workers']} workers: {foreseen['advice']}")
    now, then = (float(re.search(pattern, said[0]).group(1)) for pattern in
                 (r"A step takes ([\d.]+) s", r"it would take about ([\d.]+) s"))
    steps = {step["workers"]: step["seconds"] for step in foreseen["steps"]}
    return {
        ("run", 2): now, ("run", 1): then, ("inspect", 2): steps[2], ("inspect", 1): steps[1],
        ("measured", 2): fastest_step(both), ("measured", 1): fastest_step(alone),
    }


def main():
    folder, silos = tempfile.mkdtemp(prefix="slow-link-"), []
    try:
        lay_link()
        silos.append(start_silo(0, folder, "--redis", "embedded:6390"))
        silos.append(start_silo(
            1, folder, "--redis", f"{ADDRESSES[0]}:6390", "--redis-password-file", f"{folder}/0/store-password"))
        rounds = [measure(number) for number in range(ROUNDS)]
    finally:
        for silo in silos:
            silo.terminate()
        for silo in silos:
            silo.wait(30)
        for name in NAMES:
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(folder, ignore_errors=True)

    off = False
    for who in ("run", "inspect"):
        for workers in (2, 1):
            figure, measured = (min(one[key, workers] for one in rounds) for key in (who, "measured"))
            off |= abs(figure / measured - 1) > TOLERANCE
            print(f"{who}, {workers} workers: said {figure:.2f} s, measured {measured:.2f} s, ratio {figure / measured:.2f}")
    sys.exit(1 if off else 0)


main()

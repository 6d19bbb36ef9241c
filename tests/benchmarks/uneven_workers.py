#!/usr/bin/env python3
"""What a slow worker costs: uneven_workers.py [STEPS [BATCH]]; as root, for the control group that slows it down.

Two silos of one thread each train scratch:tiny, 20 micro-batches of BATCH x 128 tokens a step. One gets the share of a
core at which it is four times slower: somewhat more than a quarter, corrected by what it measures. First each trains a
run of its own, both at the same time, so that they share the machine's memory as later; then both train one run. The
store is in the fast one. Prints the micro-batches a second of each (median of the steps after three), and how far those
of both together stay behind the sum.

What is computed grows with the tokens of a micro-batch, what is exchanged and updated with the parameters alone. BATCH
is 4 unless named, scratch:tiny's default; 16 gives 2,048 tokens, as many as a model that is fine-tuned has by default
(two windows of 1,024), and so its proportion.

Build first: dotnet build -c Release
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "client/bin/Release/net10.0/Gpt2Cluster.Client.dll")
SILO = os.path.join(ROOT, "silo/bin/Release/net10.0/Gpt2Cluster.Silo.dll")
TEXT = os.path.join(ROOT, "deploy/quickstart/verses.txt")
# A run of one worker takes the first by name.
SLOW, FAST = "a-slow", "b-fast"
GROUP = "/sys/fs/cgroup/cpu/gpt2cluster-slow"
PERIOD_MICROSECONDS = 20_000
SLOWER = 4.0
FIRST_SHARE = 0.27
SLOWER_ENOUGH = 0.1
TRIES = 4
MICRO_BATCHES = 20
WARM_UP = 3
READY_BOUND_SECONDS = 120


def slow_down(process, share):
    os.makedirs(GROUP, exist_ok=True)
    quota = round(share * PERIOD_MICROSECONDS)
    for name, value in {"cpu.cfs_period_us": PERIOD_MICROSECONDS, "cpu.cfs_quota_us": quota}.items():
        with open(os.path.join(GROUP, name), "w") as file:
            file.write(str(value))
    with open(os.path.join(GROUP, "cgroup.procs"), "w") as file:
        file.write(str(process.pid))


def start(folder, name, store):
    ready = os.path.join(folder, name + ".json")
    process = subprocess.Popen(
        ["dotnet", SILO, "--name", name, "--redis", store, "--silo-port", "0", "--gateway-port", "0", "--stripe-port",
         "0", "--http", "127.0.0.1:0", "--devices", "cpu", "--data", os.path.join(folder, name), "--ready-file", ready],
        stdout=subprocess.DEVNULL)
    began = time.monotonic()
    while not os.path.exists(ready):
        if process.poll() is not None or time.monotonic() - began > READY_BOUND_SECONDS:
            process.kill()
            sys.exit(f"silo {name} did not get ready")
        time.sleep(0.05)
    with open(ready) as file:
        return process, json.load(file)


def begin(gateway, run, workers, steps, batch):
    """Starts a run."""
    return subprocess.Popen(
        ["dotnet", CLIENT, "train", TEXT, "--model", "scratch:tiny", "--batch-size", str(batch), "--sequence-length",
         "128", "--micro-batches", str(MICRO_BATCHES), "--threads-per-worker", "1", "--steps", str(steps),
         "--sample-every", "0", "--val-every", "0", "--val-split", "0", "--save-every", "0", "--json", "--cluster",
         f"127.0.0.1:{gateway}", "--workers", str(workers), "--run", run],
        stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def events_of(run):
    for line in run.stdout:
        yield json.loads(line)


def speed(steps):
    """Micro-batches a second, median of the steps after the first ones."""
    return MICRO_BATCHES / statistics.median(step["seconds"] for step in steps[WARM_UP:])


def finish(run):
    """Its speed and the state hash at its end."""
    events = list(events_of(run))
    if run.wait() != 0:
        sys.exit(f"a run failed: {events[-1]}")
    return speed([event for event in events if event["event"] == "step"]), events[-1]["state_sha256"]


def with_cluster(share, work):
    """Does something with the gateway of a cluster of both silos."""
    with tempfile.TemporaryDirectory() as folder:
        silos, store = [], "embedded:0"
        try:
            for name in (FAST, SLOW):
                process, ready = start(folder, name, store)
                silos.append((process, ready))
                store = ready["redis"]
            slow_down(silos[1][0], share)
            return work(silos[0][1]["gateway_port"])
        finally:
            for process, _ in silos:
                process.kill()
                process.wait()
            if os.path.exists(GROUP):
                os.rmdir(GROUP)


def apart(gateway, steps, batch):
    """Each its own run at the same time; the fast one's goes on for as long as the slow one's."""
    slow = begin(gateway, "slow", 1, steps, batch)
    slow_events = events_of(slow)
    next(event for event in slow_events if event["event"] == "membership")
    fast = begin(gateway, "fast", 1, steps * 100, batch)
    slow_steps, end = [], None
    for event in slow_events:
        if event["event"] == "step":
            slow_steps.append(event)
        end = event
    fast.send_signal(signal.SIGINT)
    fast_steps = [event for event in events_of(fast) if event["event"] == "step"]
    fast.wait()
    if slow.wait() != 0:
        sys.exit(f"a run failed: {end}")
    return speed(fast_steps), speed(slow_steps), end["state_sha256"]


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    share = FIRST_SHARE
    for _ in range(TRIES):
        fast, slow, first = with_cluster(share, lambda gateway: apart(gateway, steps, batch))
        if abs(fast / slow - SLOWER) <= SLOWER_ENOUGH:
            break
        share *= fast / slow / SLOWER
    both, second = with_cluster(share, lambda gateway: finish(begin(gateway, "both", 2, steps, batch)))
    print(
        f"{batch} x 128: fast {fast:.2f}, slow {slow:.2f} ({fast / slow:.2f} times slower with {share:.3f} of a core), "
        f"both {both:.2f} micro-batches/s: {1 - both / (fast + slow):.1%} below the sum; "
        f"{'equal' if first == second else 'DIFFERENT'} state hashes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How much of two workers' speed a run of both keeps: two_workers.py [ROUNDS] [STEPS].

Two silos of one thread each train scratch:gpt2 in bf16, 4 windows of 128 tokens a micro-batch, first separate runs of two
micro-batches a step at the same time, then one run of four together; in turns, so that other load meets both. Prints the
tokens a second of each (median of the steps after three), their ratio, and the exposed exchange's share of a step.

Build first: dotnet build -c Release
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "client/bin/Release/net10.0/Gpt2Cluster.Client.dll")
TEXT = os.path.join(ROOT, "deploy/quickstart/verses.txt")
WARM_UP = 3


def train(folder, micro_batches, silos, steps):
    """Starts a run on a local cluster of its own."""
    command = [
        "dotnet", CLIENT, "train", TEXT, "--model", "scratch:gpt2", "--precision", "bf16", "--batch-size", "4",
        "--sequence-length", "128", "--micro-batches", str(micro_batches), "--threads-per-worker", "1",
        "--steps", str(steps), "--sample-every", "0", "--val-every", "0", "--val-split", "0", "--save-every", "0",
        "--json", "--data", folder, "--silos", str(silos), "--workers", str(silos)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def steps_of(process):
    """The step events of a run, and its end is waited for."""
    events = [json.loads(line) for line in process.stdout]
    if process.wait() != 0:
        sys.exit(f"a run failed: {events[-1:]}")
    return [event for event in events if event["event"] == "step"][WARM_UP:]


def median(steps, field):
    return statistics.median(step[field] for step in steps)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            runs = [train(os.path.join(folder, name), 2, 1, count) for name in "ab"]
            separate = sum(median(steps_of(run), "tokens_per_second") for run in runs)
            together = steps_of(train(os.path.join(folder, "ab"), 4, 2, count))
        speed = median(together, "tokens_per_second")
        exposed = statistics.median(step["exposed_exchange_seconds"] / step["seconds"] for step in together)
        print(
            f"separate {separate:.0f} tokens/s, together {speed:.0f}, {speed / separate:.1%}; "
            f"step {median(together, 'seconds'):.2f} s, exposed exchange {exposed:.1%}", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a run exchanges and stores of what it trains: trained_bytes.py [STEPS [MICRO_BATCHES ...]].

Two silos of one thread each train scratch:gpt2 in bf16, 1 window of 32 tokens a micro-batch, with everything trained, with the
transformer's layers alone and with adapters of rank 8, each with 2 and with 8 micro-batches a step. Prints the bytes a step
exchanged (exchanged_bytes of its events, of the step with the least: while one silo is slower, parts that are no power of two
make more sums), those of the checkpoint of the last step, and what part of full training's that is; ends with 1 when a part is
larger than it may be.

Build first: dotnet build -c Release
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = os.path.join(ROOT, "client/bin/Release/net10.0/Gpt2Cluster.Client.dll")
TEXT = os.path.join(ROOT, "deploy/quickstart/verses.txt")
# What is trained, the most it may exchange, and store, of what full training does.
KINDS = {"all": (1, 1), "transformer-layers": (0.70, 1), "lora:8": (0.010, 0.02)}


def train(folder, trained, micro_batches, steps):
    """Bytes exchanged a step and bytes of the last checkpoint."""
    command = [
        "dotnet", CLIENT, "train", TEXT, "--model", "scratch:gpt2", "--precision", "bf16", "--batch-size", "1",
        "--sequence-length", "32", "--micro-batches", str(micro_batches), "--threads-per-worker", "1", "--train", trained,
        "--steps", str(steps), "--sample-every", "0", "--val-every", "0", "--val-split", "0", "--save-every", "0",
        "--json", "--data", folder, "--silos", "2", "--workers", "2", "--run", "measured"]
    run = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    events = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode != 0:
        sys.exit(f"a run failed: {events[-1:]}")
    checkpoint = os.path.join(folder, "runs", "measured", "checkpoints", f"{steps:08}")
    return (min(event["exchanged_bytes"] for event in events if event["event"] == "step"),
            sum(entry.stat().st_size for entry in os.scandir(checkpoint)))


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    too_much = False
    for micro_batches in [int(word) for word in sys.argv[2:]] or (2, 8):
        full = None
        for trained, (most_exchanged, most_stored) in KINDS.items():
            with tempfile.TemporaryDirectory() as folder:
                exchanged, stored = train(folder, trained, micro_batches, steps)
            full = full or (exchanged, stored)
            parts = exchanged / full[0], stored / full[1]
            too_much |= parts[0] > most_exchanged or parts[1] > most_stored
            print(f"{micro_batches} micro-batches, {trained:18}: {exchanged:12,} bytes exchanged, {parts[0]:7.2%}; "
                  f"{stored:13,} stored, {parts[1]:7.2%}", flush=True)
    sys.exit(too_much)


main()

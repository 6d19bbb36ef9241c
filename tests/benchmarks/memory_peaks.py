#!/usr/bin/env python3
"""What a silo is estimated to take for a run, beside the peak of its process (VmHWM) once the run is over.

Each row trains three steps of 2 x 4 x 256 tokens in bf16 from fresh weights on silos of its own, with a checkpoint after
the second and the last. A row that the estimate refuses on this machine is skipped with the sentence that refuses it.
Needs a Release build, and a machine that does nothing else if the peaks are to be believed.

    python3 tests/benchmarks/memory_peaks.py [ROW ...]      # all rows, or some by their number
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
REFUSED = 2
ROWS = [  # what, silos, words of the run
    ("124M full", 1, ["--model", "scratch:gpt2"]),
    ("124M lora:8", 1, ["--model", "scratch:gpt2", "--train", "lora:8"]),
    ("355M full", 1, ["--model", "scratch:gpt2-medium"]),
    ("355M full --recompute", 1, ["--model", "scratch:gpt2-medium", "--recompute"]),
    ("124M full, one of two silos", 2, ["--model", "scratch:gpt2"]),
]


def start_silo(index, folder, store):
    ready = f"{folder}/ready{index}"
    silo = subprocess.Popen(
        ["dotnet", SILO, "--data", f"{folder}/{index}", "--devices", "cpu", "--name", f"s{index}", "--ready-file", ready,
         "--redis", store, "--silo-port", "0", "--gateway-port", "0", "--stripe-port", "0", "--http", "127.0.0.1:0"],
        stdout=open(f"{folder}/log{index}", "w"), stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while not os.path.exists(ready):
        if silo.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"silo {index} did not start:\n{open(f'{folder}/log{index}').read()[-2000:]}")
        time.sleep(0.2)
    return silo, json.load(open(ready))


def train(folder, gateway, silo_count, words):
    return subprocess.run(
        ["dotnet", CLIENT, "train", f"{folder}/text.txt", "--cluster", gateway, "--data", f"{folder}/client", "--steps", "3",
         "--batch-size", "4", "--sequence-length", "256", "--micro-batches", "2", "--precision", "bf16", "--save-every", "2",
         "--sample-every", "0", "--val-every", "0", "--workers", str(silo_count), "--verbose", *words],
        capture_output=True, text=True)


def peak(silo):
    status = open(f"/proc/{silo.pid}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


def row(what, silo_count, words):
    folder, silos = tempfile.mkdtemp(prefix="memory-peaks-"), []
    try:
        with open(f"{ROOT}/deploy/quickstart/verses.txt") as verses, open(f"{folder}/text.txt", "w") as text:
            text.write(verses.read() * 40)
        first, ready = start_silo(0, folder, "embedded:0")
        silos.append(first)
        for index in range(1, silo_count):
            silos.append(start_silo(index, folder, ready["redis"])[0])
        done = train(folder, f"127.0.0.1:{ready['gateway_port']}", silo_count, words)
        if done.returncode == REFUSED:
            return f"| {what} | skipped: {done.stderr.strip().splitlines()[-2]} | | |"
        if done.returncode != 0:
            raise SystemExit(f"{what} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-1000:]}")
        estimated = float(re.search(r"takes about ([\d.]+) GB", done.stderr).group(1)) * 1e9
        measured = max(peak(silo) for silo in silos)
        return f"| {what} | {estimated / 1e9:.2f} GB | {measured / 1e9:.2f} GB | {estimated / measured:.2f} |"
    finally:
        for silo in silos:
            silo.terminate()
        for silo in silos:
            silo.wait(90)
        shutil.rmtree(folder, ignore_errors=True)


def main():
    chosen = [int(word) for word in sys.argv[1:]] or range(1, len(ROWS) + 1)
    print("| run | estimate | peak | ratio |\n|---|---|---|---|")
    for number in chosen:
        print(row(*ROWS[number - 1]), flush=True)


main()

#!/usr/bin/env python3
"""Whether a silo grows with the runs it has served: many_runs.py [RUNS].

One silo trains short runs of scratch:tiny one after the other, with samples, validation and checkpoints. Prints behind
each what the process holds: resident memory, the managed heap after its last collection, threads, tensors.

Build first: dotnet build -c Release
"""
import re
import subprocess
import sys
import tempfile
import urllib.request

from uneven_workers import CLIENT, TEXT, start

RUN = [
    "train", TEXT, "--model", "scratch:tiny", "--batch-size", "1", "--sequence-length", "32", "--micro-batches", "4",
    "--threads-per-worker", "1", "--steps", "6", "--sample-every", "3", "--sample-length", "8", "--val-every", "3",
    "--save-every", "2", "--quiet",
]


def held(process, ready):
    with open(f"/proc/{process.pid}/status") as file:
        status = file.read()
    with urllib.request.urlopen(f"http://{ready['http']}/metrics") as page:
        metrics = page.read().decode()
    sizes = re.findall(r"^dotnet_gc_last_collection_heap_size_bytes\{[^}]*\} ([\d.eE+]+)", metrics, re.M)
    tensors = re.search(r"^gpt2cluster_silo_live_tensors\S* ([\d.eE+]+)", metrics, re.M)
    resident, threads = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) for name in ("VmRSS", "Threads"))
    return (
        f"{resident / 1024:.0f} MB resident, {sum(map(float, sizes)) / 1e6:.0f} MB managed, {threads} threads, "
        f"{float(tensors[1]):.0f} tensors")


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        process, ready = start(folder, "a", "embedded:0")
        try:
            for run in range(1, runs + 1):
                names = ["--run", f"run{run}", "--cluster", f"127.0.0.1:{ready['gateway_port']}"]
                subprocess.run(["dotnet", CLIENT, *RUN, *names], stdout=subprocess.DEVNULL, check=True)
                print(f"{run} runs: {held(process, ready)}", flush=True)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()

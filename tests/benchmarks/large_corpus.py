#!/usr/bin/env python3
"""A corpus of gigabytes on its way to the first step: how fast, and what client and silo take of memory.

Makes a text of that size (words of the quick-start poems and of this repository's sources, drawn again and again with
a fixed seed, so that most lines are new), then, each with `train --steps 2` of a tiny model on one local silo:

  1. kills the client half way through, as `kill -9` does, and looks what is left behind;
  2. the same command again, to its first step: bytes of text over the seconds since the command began, and the peaks
     of resident memory (VmHWM) of client and silo;
  3. once more as another run: the corpus is known and nothing is sent.

Needs a Release build, three times the corpus of free disk, and a machine that does nothing else.

    python3 tests/benchmarks/large_corpus.py [GIGABYTES] [FOLDER]       # 5, a temporary folder
"""
import glob
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENT = f"{ROOT}/client/bin/Release/net10.0/Gpt2Cluster.Client.dll"
WORDS = ["--model", "scratch:tiny", "--steps", "2", "--batch-size", "1", "--micro-batches", "1", "--sequence-length", "64",
         "--sample-every", "0", "--val-every", "0", "--save-every", "0", "--precision", "fp32"]


def write_corpus(path, size):
    sources = subprocess.run(["git", "-C", ROOT, "ls-files", "*.cs", "*.md", "*.py", "*.txt"], capture_output=True, text=True)
    lines = []
    for name in sources.stdout.split():
        lines += open(f"{ROOT}/{name}", encoding="utf-8").read().splitlines(keepends=True)
    chance, written = random.Random(1), 0
    with open(path, "w", encoding="utf-8") as corpus:
        while written < size:
            # One line of 32 begins with a number that hardly comes twice.
            block = "".join(
                f"{chance.getrandbits(40)} {line}" if index % 32 == 0 else line
                for index, line in enumerate(chance.choices(lines, k=20_000)))
            written += corpus.write(block)
    return os.path.getsize(path)


def peak(pid):
    try:
        return int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{pid}/status").read()).group(1)) * 1024
    except (OSError, AttributeError):
        return 0


def silos_of(data):
    found = []
    for place in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(place, "rb").read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.endswith("Gpt2Cluster.Silo.dll") for word in words) and any(data in word for word in words):
            found.append(int(place.split("/")[2]))
    return found


def train(data, corpus, run):
    return subprocess.Popen(
        ["dotnet", CLIENT, "train", corpus, "--run", run, "--data", data, "--json", *WORDS],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def to_first_step(data, corpus, run):
    began, peaks = time.monotonic(), {"client": 0, "silo": 0}
    client = train(data, corpus, run)
    done = threading.Event()

    def watch():
        while not done.wait(0.2):
            peaks["client"] = max(peaks["client"], peak(client.pid))
            peaks["silo"] = max([peaks["silo"], *map(peak, silos_of(data))])

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds = None
    for line in client.stdout:
        if seconds is None and json.loads(line).get("event") == "step":
            seconds = time.monotonic() - began
    code = client.wait()
    done.set()
    watcher.join()
    if code != 0 or seconds is None:
        raise SystemExit(f"{run} ended with {code}: {client.stderr.read()[-2000:]}")
    return seconds, peaks


def left_behind(data):
    return [f"{place}/{name}" for place, folders, files in os.walk(data) for name in folders + files
            if name.endswith((".spool", ".partial"))]


def main():
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else "5") * 1e9)
    folder = tempfile.mkdtemp(prefix="large-corpus-", dir=sys.argv[2] if len(sys.argv) > 2 else None)
    data, corpus = f"{folder}/data", f"{folder}/corpus.txt"
    try:
        bytes_written = write_corpus(corpus, size)
        print(f"corpus of {bytes_written / 1e9:.2f} GB", flush=True)
        client = train(data, corpus, "big")
        while not glob.glob(f"{data}/silos/*/uploads/*.spool") and client.poll() is None:
            time.sleep(0.05)
        spool = glob.glob(f"{data}/silos/*/uploads/*.spool")[0]
        while os.path.getsize(spool) < bytes_written / 2 and client.poll() is None:
            time.sleep(0.05)
        client.send_signal(signal.SIGKILL)
        client.wait()
        while silos_of(data):
            time.sleep(0.2)
        print("killed half way", flush=True)
        seconds, peaks = to_first_step(data, corpus, "big")
        print(f"first step after {seconds:.1f} s: {bytes_written / seconds / 1e6:.0f} MB/s; "
              f"client {peaks['client'] / 1e6:.0f} MB, silo {peaks['silo'] / 1e6:.0f} MB", flush=True)
        print(f"left behind by the kill: {left_behind(data) or 'nothing'}", flush=True)
        seconds, peaks = to_first_step(data, corpus, "again")
        print(f"once more: first step after {seconds:.1f} s; "
              f"client {peaks['client'] / 1e6:.0f} MB, silo {peaks['silo'] / 1e6:.0f} MB", flush=True)
        stored = glob.glob(f"{data}/datasets/*/dataset.json")
        print(f"datasets stored: {len(stored)}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

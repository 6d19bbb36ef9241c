#!/usr/bin/env python3
"""What a card is estimated to hold for a step, beside the bytes that libtorch holds at its peak.

The torch backend computes on the processor as it would on a card; every allocation of libtorch passes posix_memalign
there, and a small library of C counts what is alive. The arithmetic's own workspaces (oneDNN's, a card's cuBLAS) are no
part of the estimate: allocations below 1 MiB and the estimate's constant for a context are left out; an update's roots,
which only a processor takes in fp64, are added to it. Needs a C compiler
and a Release build of Compute.Benchmarks.

    python3 tests/benchmarks/card_memory.py [ROW ...]      # all rows, or some by their number
"""
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCHMARKS = f"{ROOT}/tests/Gpt2Cluster.Compute.Benchmarks/bin/Release/net10.0/Gpt2Cluster.Compute.Benchmarks"
ROWS = [
    "--model gpt2 --batch-size 1 --sequence-length 64",
    "--model gpt2 --batch-size 4 --sequence-length 512",
    "--model gpt2 --batch-size 4 --sequence-length 512 --recompute",
    "--model gpt2 --batch-size 4 --sequence-length 512 --train lora:8",
    "--model gpt2 --batch-size 4 --sequence-length 256 --precision fp32",
    "--model gpt2-medium --batch-size 1 --sequence-length 512",
]
COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#define SLOTS (1 << 20)
static struct { void *place; size_t bytes; } slots[SLOTS];
static size_t alive, peak;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static size_t slot_of(void *place) { return ((size_t)place >> 6) * 11400714819323198485ull >> 44; }
int posix_memalign(void **place, size_t alignment, size_t bytes) {
  static int (*real)(void **, size_t, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "posix_memalign");
  int result = real(place, alignment, bytes);
  if (result || bytes < 1 << 20) return result;
  pthread_mutex_lock(&gate);
  size_t slot = slot_of(*place);
  while (slots[slot].place) slot = (slot + 1) % SLOTS;
  slots[slot].place = *place;
  slots[slot].bytes = bytes;
  alive += bytes;
  if (alive > peak) peak = alive;
  pthread_mutex_unlock(&gate);
  return result;
}
void free(void *place) {
  static void (*real)(void *);
  if (!real) real = dlsym(RTLD_NEXT, "free");
  if (place && alive && !((size_t)place & 63)) {
    pthread_mutex_lock(&gate);
    // Slots that were emptied are not told from those that never held anything: the whole of a cluster is searched.
    size_t slot = slot_of(place);
    for (int step = 0; step < 64; step++, slot = (slot + 1) % SLOTS)
      if (slots[slot].place == place) { alive -= slots[slot].bytes; slots[slot].place = NULL; break; }
    pthread_mutex_unlock(&gate);
  }
  real(place);
}
__attribute__((destructor)) static void report(void) { fprintf(stderr, "libtorch held %zu bytes\n", peak); }
"""


def row(counter, words):
    done = subprocess.run(
        [BENCHMARKS, "step", "--device", "tensors", "--steps", "3", *words.split()],
        env={**os.environ, "LD_PRELOAD": counter}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{words} ended with {done.returncode}: {done.stderr[-1000:]}")
    estimated = json.loads(done.stdout)["EstimatedBytes"]
    held = int(re.search(r"libtorch held (\d+) bytes", done.stderr).group(1))
    return f"| {words} | {estimated / 1e9:.2f} GB | {held / 1e9:.2f} GB | {estimated / held:.2f} |"


def main():
    chosen = [int(word) for word in sys.argv[1:]] or range(1, len(ROWS) + 1)
    with tempfile.TemporaryDirectory() as folder:
        source, counter = f"{folder}/counter.c", f"{folder}/counter.so"
        with open(source, "w") as text:
            text.write(COUNTER)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", counter, source, "-ldl", "-lpthread"], check=True)
        print("| step | estimate | peak | ratio |\n|---|---|---|---|")
        for number in chosen:
            print(row(counter, ROWS[number - 1]), flush=True)


main()

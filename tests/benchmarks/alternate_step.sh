#!/bin/sh
# Measures a training step and PyTorch's in turns, so that other load on the machine meets both: alternate_step.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-3}
program=tests/Gpt2Cluster.Compute.Benchmarks/bin/Release/net10.0/Gpt2Cluster.Compute.Benchmarks
round=0
while [ "$round" -lt "$rounds" ]; do
    # As a silo of a local cluster runs: with large pages.
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 "$program" step --steps 8 |
        grep -E 'TokensPerSecond|SecondsPerStep|MatmulGflops|ModelFlops|PeakResident' | tr -d '\n'
    echo
    for precision in fp32 bf16; do
        "${PYTHON:-/usr/bin/python3}" tests/benchmarks/pytorch_step.py "$precision" 6 | tail -n 1
    done
    round=$((round + 1))
done

#!/bin/sh
# Measures the exchange and gloo in turns, so that other load on the machine meets both: alternate_exchange.sh [PAIRS] [SILOS]
set -eu
cd "$(dirname "$0")/../.."
pairs=${1:-5}
silos=${2:-2}
program=tests/Gpt2Cluster.Exchange.Benchmarks/bin/Release/net10.0/Gpt2Cluster.Exchange.Benchmarks
pair=0
while [ "$pair" -lt "$pairs" ]; do
    "$program" --silos "$silos" | tail -n 1
    ${PYTHON:-/usr/bin/python3} tests/benchmarks/pytorch_gloo.py --silos "$silos" | tail -n 1
    pair=$((pair + 1))
done

#!/bin/sh
# A container learns its address only when it starts, and other silos must be told it.
set -eu
exec dotnet /app/silo/Gpt2Cluster.Silo.dll --advertise "$(hostname -i | cut -d ' ' -f 1)" "$@"

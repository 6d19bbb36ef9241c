#!/usr/bin/env bash
# First light: everything a device has to show, in one table, in under eight minutes.
#   run.sh [--device cuda|tensors] [--python FILE] [--native FILE] [--seconds N]
#   run.sh pack            publishes what a machine without .NET needs into program.tar.xz beside this file
# Exit code: 0 if every line is right, 1 if not, 2 if nothing could be tried.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$folder/../.." && pwd)
archive=$folder/program.tar.xz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
benchmarks=Gpt2Cluster.Compute.Benchmarks
tests=Gpt2Cluster.Compute.Tests

# Both programs with .NET itself in one folder, without libtorch, of which TorchSharp's own library is kept.
pack() {
  local project
  for project in "$benchmarks" "$tests"; do
    dotnet publish "$root/tests/$project" -c Release -r linux-x64 --self-contained -o "$scratch/program" >&2
  done
  rm -f "$scratch"/program/*.xml "$scratch"/program/*.pdb
  find "$scratch/program" -name '*.so*' \
    \( -name 'libtorch*' -o -name 'libc10*' -o -name 'libgomp*' -o -name 'libaoti*' -o -name 'libshm*' \
    -o -name 'libbackend_with*' -o -name 'libjitbackend*' -o -name 'libnnapi*' \) -delete
  tar -C "$scratch" -cJf "$archive" program
  du -h "$archive"
}

device= python=python3 native= seconds=()
[ "${1:-}" != pack ] || { pack; exit; }
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2 ;;
    --python) python=$2 ;;
    --native) native=$2 ;;
    --seconds) seconds=(--seconds "$2") ;;
    *) sed -n '2,5p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$device" ] || { [ -e /dev/nvidia0 ] && device=cuda || device=tensors; }

if [ -f "$archive" ]; then
  # libtorch is the Python's; the libraries of a card lie in packages beside it.
  tar -C "$scratch" -xJf "$archive"
  benchmarks_program=$scratch/program/$benchmarks tests_program=$scratch/program/$tests
  [ -z "$native" ] || find "$scratch/program" -name libLibTorchSharp.so -exec cp "$native" {} \;
  if [ -z "${TORCH_LIB:-}" ]; then
    torch=$("$python" -c 'import torch; print(torch.__path__[0])') ||
      { echo "$python has no torch, and TORCH_LIB names no folder with libtorch" >&2; exit 2; }
    TORCH_LIB=$torch/lib
    for libraries in "$torch"/../nvidia/*/lib "$torch"/../nvidia/*/*/lib "$torch"/../torch.libs; do
      [ ! -d "$libraries" ] || TORCH_LIB=$TORCH_LIB:$libraries
    done
  fi
  export LD_LIBRARY_PATH=$TORCH_LIB${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
else
  command -v dotnet >/dev/null ||
    { echo "there is neither .NET nor $archive: run.sh pack makes it on a machine with .NET" >&2; exit 2; }
  [ "$device" != cuda ] || export TorchBackend=cuda
  for project in "$benchmarks" "$tests"; do
    dotnet build -c Release -v quiet --nologo "$root/tests/$project" >&2
  done
  DOTNET_ROOT=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
  export DOTNET_ROOT
  benchmarks_program=$root/tests/$benchmarks/bin/Release/net10.0/$benchmarks
  tests_program=$root/tests/$tests/bin/Release/net10.0/$tests
fi

yardstick=()
! "$python" -c 'import torch' 2>/dev/null ||
  yardstick=(--pytorch "$root/tests/benchmarks/pytorch_step.py" --python "$python")
"$benchmarks_program" first-light --device "$device" --tests "$tests_program" "${yardstick[@]}" "${seconds[@]}"

#!/usr/bin/env python3
"""Counts what a commit hands to libtorch: native_calls.py CLONE.

CLONE is a clone of this repository that may be spoilt, at the commit to be measured: its tests' libLibTorchSharp.so is replaced
by one that counts every call and passes it on, so that commits are held against each other by the same counter, whatever counts
they keep themselves. Prints the calls of arithmetic and copies (not of views, allocations and questions) of one micro-batch of 12
narrow layers with 16 x 1,024 rows that completes no sum, in bf16 by the torch backend, and of a step's norm and update. A
backward pass of libtorch's own (THSAutograd_grad) is one call here, whatever it computes. Needs gcc and nm.
"""
import os
import re
import shutil
import subprocess
import sys

PROJECT = "tests/Gpt2Cluster.Compute.Tests"
NATIVE = f"{PROJECT}/bin/Release/net10.0/runtimes/linux-x64/native"
# Views, allocations, questions, and what carries arguments.
FREE = re.compile(
    r"THSTorch_|THSJIT_(?!CompilationUnit_Invoke)|THSAutograd_(?!grad$)|THSTensor_(dispose|device_type|type|sizes|element_size|narrow"
    r"|view|numel|is_contiguous|data|t|detach|set_requires_grad|transpose|empty|zeros\w*|ones|new\w*|unsqueeze|full_like|to_device"
    r"|alias)$")
C = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern __attribute__((visibility("hidden"))) unsigned long counts[];
extern __attribute__((visibility("hidden"))) void *pointers[];
static const char *names[] = {%s};
#define N (sizeof names / sizeof *names)
__attribute__((constructor)) static void begin(void) {
  Dl_info self; char path[4096]; dladdr((void *)begin, &self); strcpy(path, self.dli_fname);
  strcpy(strrchr(path, '/'), "/real.so"); void *real = dlopen(path, RTLD_NOW); if (!real) abort();
  for (unsigned k = 0; k < N; k++) pointers[k] = dlsym(real, names[k]); }
void counter_reset(void) { memset(counts, 0, N * 8); }
void counter_dump(const char *path) { FILE *f = fopen(path, "w");
  for (unsigned k = 0; k < N; k++) if (counts[k]) fprintf(f, "%%lu %%s\\n", counts[k], names[k]);
  fclose(f); }
"""
TEST = """using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
namespace Gpt2Cluster.Compute.Tests;
public sealed class NativeCallTests
{
    [Fact]
    public unsafe void Count()
    {
        var options = new ReplicaOptions
        {
            Shape = new ModelShape(97, 1024, 16, 2, 12), Precision = Precision.BFloat16, Seed = 5, Threads = 2,
        };
        using var replica = Replicas.Create(options, Route.Tensors);
        replica.Initialize(5);
        var counter = Environment.GetEnvironmentVariable("COUNTER")!;
        var library = NativeLibrary.Load(counter);
        var reset = (delegate* unmanaged<void>)NativeLibrary.GetExport(library, "counter_reset");
        var dump = (delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(library, "counter_dump");
        replica.BeginStep(1, [new LeafRange(0, 2)], 2);
        var sink = new CollectingSink(replica.Layout.Length);
        var batch = Replicas.RandomBatch(options.Shape, 1, 0, windows: 16, length: 1024);
        reset();
        replica.ComputeMicroBatch(batch, sink);
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes($"{counter}.micro-batch\\0"))
            dump(path);
        using var averages = Replicas.ToBuffer(new float[replica.Layout.Length]);
        reset();
        replica.GradientNorm(averages);
        replica.Apply(averages, 1, 1e-3, 1);
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes($"{counter}.norm-and-update\\0"))
            dump(path);
    }
}
"""


def replace_library():
    """Puts the counting library in the real one's place."""
    library, real = f"{NATIVE}/libLibTorchSharp.so", f"{NATIVE}/real.so"
    if not os.path.exists(real):
        shutil.copyfile(library, real)
    listed = subprocess.run(["nm", "-D", "--defined-only", real], capture_output=True, text=True, check=True).stdout
    names = sorted({line.split()[2] for line in listed.splitlines() if " T THS" in line})
    with open("counter.c", "w") as file:
        file.write(C % ", ".join(f'"{name}"' for name in names))
    with open("counter.s", "w") as file:
        file.write(".text\n")
        for place, name in enumerate(names):
            file.write(f".globl {name}\n.type {name},@function\n{name}: lock incq counts+{8 * place}(%rip)\n"
                       f"jmp *pointers+{8 * place}(%rip)\n")
        file.write(".hidden counts\n.hidden pointers\n.bss\n.balign 8\n.globl counts\n"
                   f"counts: .skip {8 * len(names)}\n.globl pointers\npointers: .skip {8 * len(names)}\n"
                   '.section .note.GNU-stack,"",@progbits\n')
    os.remove(library)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, "counter.c", "counter.s", "-ldl"], check=True)
    return os.path.abspath(library)


def main():
    os.chdir(sys.argv[1])
    with open(f"{PROJECT}/NativeCallTests.cs", "w") as file:
        file.write(TEST)
    quiet = ["-p:TreatWarningsAsErrors=false", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false"]
    subprocess.run(["dotnet", "build", "-c", "Release", "-v", "q", *quiet, PROJECT], check=True)
    library = replace_library()
    subprocess.run(
        ["dotnet", "run", "--no-build", "-c", "Release", "--project", PROJECT, "--", "--filter-class", "*NativeCallTests"],
        env=os.environ | {"COUNTER": library}, check=True)
    for what in ("micro-batch", "norm-and-update"):
        calls = [line.split() for line in open(f"{library}.{what}")]
        print(f"{what}: {sum(int(count) for count, name in calls if not FREE.match(name))} operators")


main()

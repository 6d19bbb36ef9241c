using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Core.Tests.Devices;

/// <summary>What libtorch, CUDA and the runtime say, word for word.</summary>
public sealed class DeviceFailureTests
{
    private const string Hint = "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
        + "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with "
        + "`TORCH_USE_CUDA_DSA` to enable device-side assertions.\n";

    [Theory]
    [InlineData("CUDA error: device-side assert triggered" + Hint)]
    [InlineData("CUDA error: an illegal memory access was encountered" + Hint)]
    [InlineData("CUDA error: unspecified launch failure" + Hint)]
    [InlineData("CUDA error: misaligned address" + Hint)]
    [InlineData("CUDA error: an illegal instruction was encountered" + Hint)]
    [InlineData("CUDA error: the launch timed out and was terminated" + Hint)]
    [InlineData("CUDA error: uncorrectable ECC error encountered" + Hint)]
    [InlineData("CUDA error: hardware stack error" + Hint)]
    [InlineData("CUDA error: invalid program counter" + Hint)]
    [InlineData("CUDA error: operation not supported on global/shared address space" + Hint)]
    [InlineData("CUDA error: context is destroyed" + Hint)]
    [InlineData("CUDA error: unknown error" + Hint)]
    [InlineData("CUDA driver error: unspecified launch failure")]
    [InlineData("The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent "
        + "call last):\nRuntimeError: CUDA error: an illegal memory access was encountered" + Hint)]
    public void A_broken_context_is_a_lost_device(string message) =>
        Assert.Equal(DeviceFailure.Lost, DeviceFailures.Of(new InvalidOperationException(message)));

    [Theory]
    [InlineData("CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a total capacity of 23.64 GiB of which "
        + "1.02 GiB is free.")]
    [InlineData("CUDA error: out of memory" + Hint)]
    [InlineData("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")]
    [InlineData("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")]
    [InlineData("[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        + "to allocate 402653184 bytes. Error code 12 (Cannot allocate memory)")]
    [InlineData("std::bad_alloc")]
    public void No_memory_is_told_from_a_lost_device(string message) =>
        Assert.Equal(DeviceFailure.OutOfMemory, DeviceFailures.Of(new InvalidOperationException(message)));

    [Theory]
    [InlineData("CUDA error: invalid configuration argument" + Hint)]
    [InlineData("CUDA error: no kernel image is available for execution on the device" + Hint)]
    [InlineData("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")]
    [InlineData("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`")]
    [InlineData("CUDA error: invalid device ordinal" + Hint)]
    [InlineData("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)")]
    [InlineData("An unknown error happened while the request was read.")]
    [InlineData("")]
    public void Everything_else_may_pass(string message) =>
        Assert.Equal(DeviceFailure.Other, DeviceFailures.Of(new InvalidOperationException(message)));

    [Fact]
    public void The_cause_counts_wherever_it_lies_and_a_lost_device_most()
    {
        var noMemory = new InvalidOperationException("A part of a loop failed.", new InsufficientMemoryException());
        Assert.Equal(DeviceFailure.OutOfMemory, DeviceFailures.Of(noMemory));
        var lost = new InvalidOperationException("CUDA error: device-side assert triggered");
        Assert.Equal(DeviceFailure.Lost, DeviceFailures.Of(new AggregateException(noMemory, lost)));
    }
}

namespace Gpt2Cluster.Core.Devices;

/// <summary>What an error of a computation says of the device.</summary>
public enum DeviceFailure
{
    /// <summary>Nothing that is known: another try may end otherwise.</summary>
    Other,

    /// <summary>There is no memory left, on the device or beside it: another try would end the same way.</summary>
    OutOfMemory,

    /// <summary>
    /// A card's context is broken: everything that this process asks of it from now on fails with the same error. Only
    /// another process has a use for the card.
    /// </summary>
    Lost,
}

/// <summary>Tells the kinds of <see cref="DeviceFailure"/> apart by what libraries say.</summary>
public static class DeviceFailures
{
    // What libtorch says in front of the driver's words: c10/cuda/CUDAException.cpp, c10/cuda/driver_api.h.
    private static readonly string[] CudaPrefixes = ["CUDA error: ", "CUDA driver error: "];

    // The errors that CUDA's manual (cudaError_t) says leave "the process in an inconsistent state [...] the process
    // must be terminated and relaunched", in the words of cudaGetErrorString, and the unknown one, whose cause nobody
    // can tell.
    private static readonly string[] LostWords =
    [
        "an illegal memory access was encountered", // cudaErrorIllegalAddress, 700
        "the launch timed out and was terminated", // cudaErrorLaunchTimeout, 702
        "context is destroyed", // cudaErrorContextIsDestroyed, 709
        "device-side assert triggered", // cudaErrorAssert, 710
        "hardware stack error", // cudaErrorHardwareStackError, 714
        "an illegal instruction was encountered", // cudaErrorIllegalInstruction, 715
        "misaligned address", // cudaErrorMisalignedAddress, 716
        "operation not supported on global/shared address space", // cudaErrorInvalidAddressSpace, 717
        "invalid program counter", // cudaErrorInvalidPc, 718
        "unspecified launch failure", // cudaErrorLaunchFailure, 719
        "uncorrectable ECC error encountered", // cudaErrorECCUncorrectable, 214
        "uncorrectable NVLink error detected during the execution", // cudaErrorNvlinkUncorrectable, 220
        "Invalid access of peer GPU memory over nvlink or a hardware error", // cudaErrorContained, 226
        "unknown error", // cudaErrorUnknown, 999
    ];

    private static readonly string[] OutOfMemoryWords =
    [
        "can't allocate memory", // libtorch's allocator of a processor
        "std::bad_alloc", // C++ below it
        "out of memory", // libtorch's allocator of a card, and cudaErrorMemoryAllocation
        "CUBLAS_STATUS_ALLOC_FAILED",
        "CUDNN_STATUS_ALLOC_FAILED",
    ];

    /// <summary>What an exception, or one that it came of, says; a lost device outweighs the rest.</summary>
    public static DeviceFailure Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var causes = Causes(exception).ToList();
        if (causes.Any(cause => IsLost(cause.Message)))
            return DeviceFailure.Lost;
        return causes.Any(cause => cause is OutOfMemoryException || Says(cause.Message, OutOfMemoryWords))
            ? DeviceFailure.OutOfMemory
            : DeviceFailure.Other;
    }

    private static IEnumerable<Exception> Causes(Exception exception)
    {
        var inner = exception is AggregateException several
            ? several.InnerExceptions
            : exception.InnerException is { } one ? [one] : Enumerable.Empty<Exception>();
        return inner.SelectMany(Causes).Prepend(exception);
    }

    private static bool IsLost(string message) => CudaPrefixes.Any(prefix =>
        message.IndexOf(prefix, StringComparison.Ordinal) is >= 0 and var start
        && Says(message[(start + prefix.Length)..], LostWords));

    private static bool Says(string message, string[] words) =>
        words.Any(one => message.Contains(one, StringComparison.OrdinalIgnoreCase));
}

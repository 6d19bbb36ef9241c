namespace Gpt2Cluster.Core.Devices;

/// <summary>What a machine lets this process see of its graphics cards.</summary>
public sealed record CudaSight
{
    /// <summary>Nothing at all: a machine without cards.</summary>
    public static CudaSight Nothing { get; } = new();

    /// <summary>Whether the driver's library loads here.</summary>
    public bool HasDriver { get; init; }

    /// <summary>What the driver answered when it was started: 0 is success (CUresult of cuda.h).</summary>
    public int StartResult { get; init; }

    /// <summary>Whether the machine has device files of cards.</summary>
    public bool HasDeviceFiles { get; init; }

    /// <summary><c>CUDA_VISIBLE_DEVICES</c>; null if it is not set.</summary>
    public string? VisibleDevices { get; init; }

    /// <summary>The cards, by their number for CUDA.</summary>
    public IReadOnlyList<CardDescription> Cards { get; init; } = [];

    /// <summary>Pairs of cards, by number, of which the first reads the second's memory directly.</summary>
    public IReadOnlyList<(int From, int To)> Peers { get; init; } = [];

    /// <summary>Whether there is a card here, seen or hidden.</summary>
    public bool HasCard => HasDeviceFiles || Cards.Count > 0;

    /// <summary>
    /// What to say at every start of a build for processors where there is a card; null where there is none.
    /// </summary>
    public string? ProcessorBuildNotice()
    {
        if (!HasCard)
            return null;
        var card = Cards.Count > 0 ? $"a card ({Cards[0].Name})" : "a card";
        return $"This machine has {card} and this build is for processors, so it trains on the processor: build with "
            + "'export TorchBackend=cuda' set, which -p:TorchBackend=cuda also does, to train on the card.";
    }

    /// <summary>Why a build for cards cannot use one here, and what to do, in one sentence.</summary>
    public string Absence()
    {
        const string otherwise = "or start the silo with --devices cpu";
        if (!HasDriver && HasDeviceFiles)
            return "This machine has a card, but its driver's library, libcuda.so.1, does not load here; install the "
                + $"driver's libraries, in a container start it with --gpus all, {otherwise}.";
        if (!HasDriver)
            return $"This machine has no NVIDIA driver (no libcuda.so.1, no /dev/nvidia*); install one, {otherwise}.";
        if (VisibleDevices is { } visible && (StartResult == NoDevice || (StartResult == 0 && Cards.Count == 0)))
            return $"CUDA_VISIBLE_DEVICES is '{visible}' and hides every card of this machine; unset it, {otherwise}.";
        if (StartResult == NoDevice || (StartResult == 0 && Cards.Count == 0))
            return HasDeviceFiles
                ? "The driver finds no card that this process may use, though the machine has device files: check "
                    + $"the permissions of /dev/nvidia* and systemd's PrivateDevices, {otherwise}."
                : $"The driver is there and finds no card in this machine; plug one in, {otherwise}.";
        if (StartResult != 0)
            return $"The driver does not start (cuInit answers {StartResult}); look at nvidia-smi and the kernel's "
                + $"log, {otherwise}.";
        var version = CardDescription.VersionText(Cards[0].DriverCudaVersion);
        return $"The driver supports CUDA {version}, and libtorch finds no card with it; install "
            + $"a newer driver, {otherwise}.";
    }

    // CUDA_ERROR_NO_DEVICE.
    private const int NoDevice = 100;
}

namespace Gpt2Cluster.Core.Devices;

/// <summary>
/// What of a card can change the bits of a gradient, as a pure function of its facts: two cards of one model in one
/// machine are equal, and so is one card whatever its number.
/// </summary>
public static class CardProfile
{
    // cuBLAS and the attention kernels of the pinned libtorch are built for sm_75 and newer.
    private const int LeastCapability = 75;

    /// <summary>Cards multiply bf16 from compute capability 8.0 (Ampere) on.</summary>
    private const int BFloat16Capability = 80;

    /// <summary>The class of devices, such as <c>NVIDIA H200, sm_90, 132 multiprocessors</c>.</summary>
    /// <remarks>
    /// NVIDIA promises equal bits of cuBLAS for the same architecture and number of multiprocessors, and no others.
    /// </remarks>
    public static string DeviceClass(CardDescription card)
    {
        ArgumentNullException.ThrowIfNull(card);
        return $"{card.Name}, {Architecture(card)}, {card.MultiprocessorCount} multiprocessors";
    }

    /// <summary>What multiplies there: the architecture and the versions of the libraries.</summary>
    public static string InstructionSet(CardDescription card)
    {
        ArgumentNullException.ThrowIfNull(card);
        return card.Libraries.Length == 0 ? Architecture(card) : $"{Architecture(card)}, {card.Libraries}";
    }

    /// <summary>Whether bf16 products are fast on it.</summary>
    public static bool MultipliesBFloat16(CardDescription card) => Capability(card) >= BFloat16Capability;

    /// <summary>Why nothing can be computed on it, in one sentence; null if it is fine.</summary>
    public static string? Refusal(CardDescription card) => Capability(card) >= LeastCapability
        ? null
        : $"The card {card.Name} ({card.Uuid}) has compute capability {card.Capability}, and 7.5 is the least that "
            + "libtorch has kernels for; start the silo with --devices cpu, or name other cards.";

    /// <summary>Greater is faster: by architecture, then by multiprocessors.</summary>
    public static int SpeedRank(CardDescription card) =>
        (1000 * Capability(card)) + Math.Min(999, card.MultiprocessorCount);

    private static int Capability(CardDescription card)
    {
        ArgumentNullException.ThrowIfNull(card);
        return (10 * card.CapabilityMajor) + card.CapabilityMinor;
    }

    private static string Architecture(CardDescription card) => $"sm_{card.CapabilityMajor}{card.CapabilityMinor}";
}

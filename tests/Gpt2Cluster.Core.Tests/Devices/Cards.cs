using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Core.Tests.Devices;

/// <summary>Facts of cards as drivers give them.</summary>
internal static class Cards
{
    public static CardDescription H200 { get; } = new(
        "NVIDIA H200", 9, 0, 132, 150_000_000_000, "GPU-8f3a0000-0000-0000-0000-000000000001", 12080,
        "cuBLASLt 12.8.4, cuDNN 9.8.0");

    public static CardDescription T4 { get; } = new(
        "Tesla T4", 7, 5, 40, 16_000_000_000, "GPU-8f3b0000-0000-0000-0000-000000000002", 12080,
        "cuBLASLt 12.8.4, cuDNN 9.8.0");
}

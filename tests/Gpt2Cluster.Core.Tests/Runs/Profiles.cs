using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

internal static class Profiles
{
    public static ComputeProfile Cpu { get; } = new("cpu", "AVX2", Precision.Float32, 1, "2.10", "f00d");
}

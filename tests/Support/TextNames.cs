using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Tests;

/// <summary>Names of literals, in the fewest words.</summary>
internal static class TextNames
{
    public static RunName Run(this string text) => RunName.Parse(text);

    public static SiloName Silo(this string text) => SiloName.Parse(text);

    public static WorkerId Worker(this string text) => WorkerId.Parse(text);
}

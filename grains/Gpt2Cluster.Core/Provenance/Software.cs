using System.Reflection;

namespace Gpt2Cluster.Core.Provenance;

/// <summary>This program, as records name it.</summary>
public static class Software
{
    /// <summary>Name and version, such as <c>Gpt2Cluster 0.1.0</c>.</summary>
    public static string Name { get; } = $"Gpt2Cluster {Version()}";

    /// <summary>Without the commit that a build adds behind a plus sign.</summary>
    private static string Version() =>
        typeof(Software).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];
}

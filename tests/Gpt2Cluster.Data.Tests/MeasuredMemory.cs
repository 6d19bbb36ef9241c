namespace Gpt2Cluster.Data.Tests;

/// <summary>
/// Tests that measure what the process holds: while one of them runs no other does, nor one of another such class.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredMemory
{
    /// <summary>The collection's name.</summary>
    public const string Name = "measured memory";
}

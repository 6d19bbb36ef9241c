using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>Tests of commands that share one cluster with a finished run: starting it takes longer than any.</summary>
[CollectionDefinition(Name)]
public sealed class ToldCollection : ICollectionFixture<Cluster>
{
    /// <summary>Its name.</summary>
    public const string Name = "told";
}

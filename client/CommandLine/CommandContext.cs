using System.CommandLine;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>What a command works with.</summary>
/// <param name="Arguments">What was typed.</param>
/// <param name="Choices">The options every command takes.</param>
/// <param name="Output">Where words go.</param>
/// <param name="Time">The clock.</param>
/// <param name="FreeDiskBytes">The free bytes of the disk that holds, or will hold, a folder.</param>
internal sealed record CommandContext(
    ParseResult Arguments,
    CommonChoices Choices,
    ClientOutput Output,
    TimeProvider Time,
    Func<string, long> FreeDiskBytes)
{
    /// <summary>The local cluster of the data folder.</summary>
    public LocalClusters LocalCluster => new(Choices.DataFolder, ClientApplication.Program, Output, Time);
}

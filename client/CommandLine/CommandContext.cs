using System.CommandLine;
using Gpt2Cluster.Client.Output;

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
    Func<string, long> FreeDiskBytes);

using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Client.Inspection;

/// <summary>All that <c>inspect</c> knows of a corpus.</summary>
/// <param name="FileCount">Its files.</param>
/// <param name="FileBytes">Bytes of them.</param>
/// <param name="Facts">What reading it told.</param>
/// <param name="SequenceLength">T, by which it is cut into training and validation.</param>
/// <param name="Split">How a run would cut it.</param>
/// <param name="Repeats">What stands in it more than once.</param>
internal sealed record InspectedCorpus(
    int FileCount,
    long FileBytes,
    CorpusStatistics Facts,
    int SequenceLength,
    ValidationSplit Split,
    RepeatReport Repeats)
{
    /// <summary>A share of the corpus' tokens.</summary>
    public double ShareOf(long tokens) => (double)tokens / Facts.Tokens.TokenCount;
}

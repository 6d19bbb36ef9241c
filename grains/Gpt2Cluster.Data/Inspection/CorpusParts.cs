namespace Gpt2Cluster.Data.Inspection;

/// <summary>Where a corpus' parts lie in its store.</summary>
/// <param name="TrainingEnd">Behind the last token that is trained on.</param>
/// <param name="CorpusEnd">Behind the last token of the corpus; what lies behind it validates only.</param>
/// <param name="ValidationTokenCount">Tokens that validate; 0 for none.</param>
/// <param name="DocumentCount">Documents in all.</param>
internal readonly record struct CorpusParts(
    long TrainingEnd, long CorpusEnd, long ValidationTokenCount, long DocumentCount);

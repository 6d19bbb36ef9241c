namespace Gpt2Cluster.Data.Inspection;

/// <summary>What stands in a corpus more than once, and in training and validation both.</summary>
/// <param name="DuplicateDocumentCount">Documents that an earlier one equals token for token.</param>
/// <param name="DuplicateTokenCount">Their tokens.</param>
/// <param name="DuplicatesAreExact">Whether all documents could be compared; else both are lower bounds.</param>
/// <param name="DuplicateFiles">Where the most of them stand, most tokens first.</param>
/// <param name="PassageCount">
/// Passages of <see cref="CountedTokens"/> tokens or more that stand word for word further ahead, in documents that are
/// no duplicates; a lower bound.
/// </param>
/// <param name="PassageTokenCount">Tokens of them, each counted once; a lower bound.</param>
/// <param name="CountedTokens">Shorter passages are not counted.</param>
/// <param name="CertainTokens">
/// A passage of so many tokens is found, at least in part; null if nothing can be said, as not all could be kept.
/// </param>
/// <param name="LongestPassages">The longest, longest first.</param>
/// <param name="PassageFiles">Where the most of them stand, most tokens first.</param>
/// <param name="Overlap">Training and validation; null where nothing validates.</param>
/// <param name="Fault">Why not all of the corpus could be looked through; null where it was.</param>
public sealed record RepeatReport(
    long DuplicateDocumentCount,
    long DuplicateTokenCount,
    bool DuplicatesAreExact,
    IReadOnlyList<RepeatedFile> DuplicateFiles,
    long PassageCount,
    long PassageTokenCount,
    int CountedTokens,
    int? CertainTokens,
    IReadOnlyList<RepeatedPassage> LongestPassages,
    IReadOnlyList<RepeatedFile> PassageFiles,
    ValidationOverlap? Overlap,
    string? Fault);

/// <summary>What of one file stands in another one, or further ahead in itself.</summary>
/// <param name="File">The file.</param>
/// <param name="FirstFile">Where it stands first.</param>
/// <param name="Count">Documents or passages.</param>
/// <param name="TokenCount">Tokens of them.</param>
public sealed record RepeatedFile(string File, string FirstFile, long Count, long TokenCount);

/// <summary>A passage that stands further ahead as well.</summary>
/// <param name="TokenCount">Its length.</param>
/// <param name="File">Its file.</param>
/// <param name="FirstFile">Where it stands first.</param>
/// <param name="Text">How it begins.</param>
public sealed record RepeatedPassage(long TokenCount, string File, string FirstFile, string Text);

/// <summary>What validates although it was trained on: lower bounds.</summary>
/// <param name="TrainingTokenCount">Tokens to train on.</param>
/// <param name="ValidationTokenCount">Tokens to validate on.</param>
/// <param name="DocumentCount">Documents of the validation that stand in training as a whole.</param>
/// <param name="TokenCount">Tokens of the validation that stand in training, in documents or passages.</param>
/// <param name="Files">Where the most of them stand, most tokens first.</param>
public sealed record ValidationOverlap(
    long TrainingTokenCount,
    long ValidationTokenCount,
    long DocumentCount,
    long TokenCount,
    IReadOnlyList<RepeatedFile> Files)
{
    /// <summary><see cref="TokenCount"/> of all that validates, 0 to 1.</summary>
    public double Share => (double)TokenCount / ValidationTokenCount;
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.Core.Specification;

/// <summary>The tokens of a run.</summary>
/// <param name="Sha256">
/// SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal; of a mixture <see cref="HashOf"/> its list.
/// </param>
/// <param name="TrainingTokenCount">Tokens to train on, from the first one on; of a mixture those of all.</param>
/// <param name="ValidationTokenCount">Tokens to validate on; 0 for none.</param>
/// <param name="ValidationSha256">
/// The dataset of <c>--val-dataset</c>, all of which validates; null if the tokens behind the training tokens do.
/// </param>
public sealed record DatasetReference(
    string Sha256, long TrainingTokenCount, long ValidationTokenCount = 0, string? ValidationSha256 = null)
    : StoredRecord
{
    /// <summary>
    /// <c>--mix</c>: the datasets and in what proportion they are drawn, two or more; null for one dataset. Runs of one
    /// dataset do not write it, so that their JSON is what it was before there were mixtures.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<MixedDataset>? Mix { get; init; }

    /// <summary>A mixture, with the sums over its datasets.</summary>
    /// <param name="mix">Two or more.</param>
    /// <param name="validation">Hash and tokens of <c>--val-dataset</c>; null without it.</param>
    public static DatasetReference OfMix(
        IReadOnlyList<MixedDataset> mix, (string Sha256, long TokenCount)? validation = null) =>
        new(
            HashOf(mix),
            mix.Sum(source => source.TrainingTokenCount),
            validation?.TokenCount ?? mix.Sum(source => source.ValidationTokenCount),
            validation?.Sha256)
        {
            Mix = mix,
        };

    /// <summary>
    /// What a mixture is known by: SHA-256 over a line <c>HASH WEIGHT</c> for each dataset, in order, each with a line
    /// feed, in ASCII; lower-case hexadecimal.
    /// </summary>
    public static string HashOf(IEnumerable<MixedDataset> mix)
    {
        var lines = mix.Select(source => string.Create(
            CultureInfo.InvariantCulture, $"{source.Sha256} {source.Weight}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(lines))));
    }

    /// <summary>The datasets to train on: those of the mixture, or the one there is, with weight 1.</summary>
    public IReadOnlyList<MixedDataset> Sources() => Mix
        ?? [new(Sha256, 1, TrainingTokenCount, ValidationSha256 is null ? ValidationTokenCount : 0)];

    /// <summary>
    /// The tokens to validate on, one part behind the other: each source's own, or all of <c>--val-dataset</c>.
    /// </summary>
    public IReadOnlyList<TokenRange> ValidationParts() =>
    [
        .. ValidationSha256 is { } other
            ? [new TokenRange(other, 0, ValidationTokenCount)]
            : Sources().Select(source => source.ValidationPart).Where(part => part.Count > 0),
    ];
}

/// <summary>One dataset of a mixture.</summary>
/// <param name="Sha256">SHA-256 over its tokens as uint16 little endian, lower-case hexadecimal.</param>
/// <param name="Weight">Of as many windows as all weights together it has this many, 1 or more.</param>
/// <param name="TrainingTokenCount">Tokens to train on, from the first one on.</param>
/// <param name="ValidationTokenCount">Tokens behind them that validate; 0 for none.</param>
public sealed record MixedDataset(
    string Sha256, long Weight, long TrainingTokenCount, long ValidationTokenCount = 0) : StoredRecord
{
    /// <summary>The tokens behind those to train on.</summary>
    internal TokenRange ValidationPart => new(Sha256, TrainingTokenCount, ValidationTokenCount);
}

/// <summary>Some tokens of a stored dataset, one behind the other.</summary>
/// <param name="Sha256">The dataset.</param>
/// <param name="Start">Index of the first.</param>
/// <param name="Count">How many.</param>
public readonly record struct TokenRange(string Sha256, long Start, long Count);

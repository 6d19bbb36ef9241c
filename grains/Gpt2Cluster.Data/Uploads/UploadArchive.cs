using System.Text.Json;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// The one form in which anything travels from a client to the cluster: a tar archive of plain files (POSIX.1-1988
/// headers, GNU's for sizes from 8 GiB on), of which the first, <see cref="HeadName"/>, says what it is and in which
/// version of its form.
/// </summary>
internal static class UploadArchive
{
    /// <summary>
    /// Version of the form; 1 were two forms of our own that were no tar, 2 had no texts that end with the end-of-text
    /// token, 3 no vocabularies.
    /// </summary>
    public const int Version = 4;

    /// <summary>Name of the first member: a JSON object with <c>kind</c> and <c>version</c>.</summary>
    public const string HeadName = "upload.json";

    /// <summary>The kind that brings a dataset's documents.</summary>
    public const string Dataset = "dataset";

    /// <summary>The kind that brings a model's files.</summary>
    public const string Model = "model";

    /// <summary>Bytes of a tar header, and what members are padded to.</summary>
    public const int BlockBytes = 512;

    /// <summary>Longest first member.</summary>
    public const int LongestHeadBytes = 4096;

    /// <summary>How the first member is written.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>How version 1 began, whose readers are gone.</summary>
    public static ReadOnlySpan<byte> FormerMagic => "GPT2"u8;

    /// <summary>What the first member says.</summary>
    /// <param name="Kind">What the archive brings.</param>
    /// <param name="Version">The version of its form.</param>
    public sealed record Head(string Kind, int Version);
}

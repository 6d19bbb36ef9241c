using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// Paths below the data folder as others name them. Only <c>models/NAME</c>, <c>datasets/HASH</c>,
/// <c>vocabularies/HASH</c> and <c>runs/RUN/checkpoints/STEP</c> and the files right in them can be named: never
/// anything outside the data folder.
/// </summary>
/// <param name="silo">Knows the data folder.</param>
public sealed partial class StoredPaths(SiloContext silo)
{
    /// <summary>The absolute path of a stored folder.</summary>
    /// <exception cref="UserErrorException">It is no such folder.</exception>
    public string FolderOf(string relativeFolder) => FolderPattern().IsMatch(relativeFolder)
        ? Path.Combine(silo.DataFolder, relativeFolder)
        : throw new UserErrorException(
            $"'{relativeFolder}' names no stored model, dataset, vocabulary or checkpoint; it must be models/NAME, "
            + "datasets/HASH, vocabularies/HASH or runs/RUN/checkpoints/STEP.");

    /// <summary>The absolute path of a file in a stored folder.</summary>
    /// <exception cref="UserErrorException">It is no such file.</exception>
    public string FileOf(string relativePath)
    {
        ArgumentNullException.ThrowIfNull(relativePath);
        var slash = relativePath.LastIndexOf('/');
        var name = relativePath[(slash + 1)..];
        if (slash < 0 || !NamePattern().IsMatch(name))
            throw new UserErrorException(
                $"'{relativePath}' names no file of a stored model, dataset, vocabulary or checkpoint.");
        return Path.Combine(FolderOf(relativePath[..slash]), name);
    }

    /// <summary>Whether a text can name a model or a run.</summary>
    public static bool IsName(string name) => NamePattern().IsMatch(name);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(
        @"\A(?:models/[A-Za-z0-9][A-Za-z0-9._-]{0,63}|(?:datasets|vocabularies)/[0-9a-f]{64}"
        + @"|runs/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/checkpoints/[0-9]{8,18})\z")]
    private static partial Regex FolderPattern();
}

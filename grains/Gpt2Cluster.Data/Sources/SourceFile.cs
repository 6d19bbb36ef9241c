using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>One file of a dataset.</summary>
/// <param name="Path">Where its bytes lie.</param>
/// <param name="Name">What people call it, in messages.</param>
/// <param name="Format">How it is read.</param>
/// <param name="Bytes">Its size.</param>
public sealed record SourceFile(string Path, string Name, IDocumentFormat Format, long Bytes)
{
    /// <summary>Whether the user named it, not only its folder or a pattern: then it must be what it should
    /// be.</summary>
    public bool IsNamed { get; init; }

    /// <summary>The file at a path.</summary>
    /// <param name="path">Where its bytes lie.</param>
    /// <param name="name">What people call it; null: the path.</param>
    public static SourceFile At(string path, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new SourceFile(path, name ?? path, DocumentFormats.Of(path), FileStatus.Of(path).Bytes);
    }

    /// <summary>Opens it from its beginning.</summary>
    /// <exception cref="UserErrorException">It cannot be opened.</exception>
    public Stream OpenRead()
    {
        try
        {
            return new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Name} cannot be read ({error.Message.TrimEnd('.')}).", error);
        }
    }
}

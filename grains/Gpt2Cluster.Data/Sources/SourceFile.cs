namespace Gpt2Cluster.Data.Sources;

/// <summary>One file of a dataset.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Format">How it is read.</param>
/// <param name="Bytes">Its size.</param>
public sealed record SourceFile(string Path, IDocumentFormat Format, long Bytes)
{
    /// <summary>The file at a path.</summary>
    public static SourceFile At(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new SourceFile(path, DocumentFormats.Of(path), new FileInfo(path).Length);
    }
}

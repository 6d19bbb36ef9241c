using System.IO.Compression;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>
/// A NumPy <c>.npz</c> of tokens, as the original encode.py writes it: one-dimensional integer arrays in a zip,
/// deflated or stored, used in the order they stand in the file. Read in pieces; no array is ever whole in memory.
/// </summary>
public sealed class NpzFile : IDisposable
{
    private const string ArraySuffix = ".npy";

    private readonly string path;
    private readonly ZipArchive archive;

    private NpzFile(string path, ZipArchive archive, IReadOnlyList<NpzArray> arrays)
    {
        this.path = path;
        this.archive = archive;
        Arrays = arrays;
    }

    /// <summary>The arrays, in file order.</summary>
    public IReadOnlyList<NpzArray> Arrays { get; }

    /// <summary>Opens a file and reads the heads of its arrays.</summary>
    /// <exception cref="UserErrorException">The file is missing, no npz, or holds something that is no token
    /// array.</exception>
    public static NpzFile Open(string path) => Open(path, path);

    /// <summary>Opens a file that people know by another name.</summary>
    /// <exception cref="UserErrorException">The file is missing, no npz, or holds something that is no token
    /// array.</exception>
    internal static NpzFile Open(string place, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(place))
            throw new UserErrorException($"There is no file {path}; check the path.");
        ZipArchive? archive = null;
        try
        {
            archive = ZipFile.OpenRead(place);
            var arrays = archive.Entries.Select(entry => ReadHead(path, entry)).ToList();
            if (arrays.Count == 0)
                throw new UserErrorException($"{path} holds no array; encode the text again.");
            if (arrays.CountBy(array => array.Name).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
                throw new UserErrorException($"{path} holds {twice} twice; encode the text again.");
            return new NpzFile(path, archive, arrays);
        }
        catch (InvalidDataException error)
        {
            archive?.Dispose();
            throw new UserErrorException($"{path} is not an npz file ({error.Message}); encode the text again.", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
        catch
        {
            archive?.Dispose();
            throw;
        }
    }

    /// <summary>The tokens of one array, in pieces; a piece is valid until the next one is taken.</summary>
    /// <param name="array">The array.</param>
    /// <param name="tokenCount">Numbers below this are tokens, 1 to 65,536.</param>
    /// <exception cref="UserErrorException">A number is no token (the array and index are named), or the file is
    /// damaged.</exception>
    public IEnumerable<ReadOnlyMemory<ushort>> ReadTokens(
        NpzArray array, int tokenCount = Gpt2Vocabulary.BuiltInCount)
    {
        ArgumentNullException.ThrowIfNull(array);
        using var reader = new NpyTokenReader(path, array, archive.GetEntry(array.Name + ArraySuffix)!, tokenCount);
        while (reader.Next() is { Length: > 0 } tokens)
            yield return tokens;
    }

    /// <inheritdoc/>
    public void Dispose() => archive.Dispose();

    private static NpzArray ReadHead(string path, ZipArchiveEntry entry)
    {
        if (!entry.FullName.EndsWith(ArraySuffix, StringComparison.Ordinal))
            throw new UserErrorException($"{path} holds {entry.FullName}, which is no array; encode the text again.");
        var name = entry.FullName[..^ArraySuffix.Length];
        try
        {
            using var stream = entry.Open();
            return new NpzArray(name, NpyHeader.Read(stream).Length);
        }
        catch (InvalidDataException error)
        {
            throw new UserErrorException(
                $"Array {name} of {path} cannot be used: {error.Message}; it must hold integers in one dimension.",
                error);
        }
    }
}

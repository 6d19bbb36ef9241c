using System.Runtime.InteropServices;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Sources.Npz;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Encodes texts as a <c>.npz</c> in the original's layout. Its arrays, joined, are the dataset's tokens.
/// </summary>
public static class NpzEncoder
{
    private const int PieceTokens = 32 << 10;
    private const int BufferBytes = 64 << 10;

    /// <summary>The file that is written for a target: <c>.npz</c> is appended when it is missing.</summary>
    public static string PathOf(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) ? target : target + ".npz";
    }

    /// <summary>Encodes a dataset. The file appears whole or not at all, in place of any file of that name.</summary>
    /// <param name="source">The texts.</param>
    /// <param name="target">The file; <c>.npz</c> is appended when it is missing, as NumPy does.</param>
    /// <param name="options">How.</param>
    /// <param name="vocabulary">Whose tokens; null for OpenAI's.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <returns>Counts and hash.</returns>
    /// <exception cref="UserErrorException">The texts are bad, or the target's folder is missing.</exception>
    public static TokenizedDataset Encode(
        DatasetSource source,
        string target,
        DatasetOptions options,
        Gpt2Vocabulary? vocabulary = null,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        var full = Path.GetFullPath(PathOf(target));
        if (!Directory.Exists(Path.GetDirectoryName(full)))
            throw new UserErrorException($"There is no folder {Path.GetDirectoryName(full)}; make it first.");
        var staged = $"{full}.{Guid.NewGuid():N}.partial";
        try
        {
            using var tokens = new FileStream(
                staged + ".tokens",
                FileMode.CreateNew,
                FileAccess.ReadWrite,
                FileShare.None,
                BufferBytes,
                FileOptions.DeleteOnClose);
            using var tokenizer = new DatasetTokenizer(
                tokens, options, new Gpt2Tokenizer(vocabulary ?? Gpt2Vocabulary.BuiltIn));
            source.Read(tokenizer, progress, cancellation);
            var result = tokenizer.Complete();
            tokens.Position = 0;
            WriteArrays(staged, tokens, result.ChunkLengths, cancellation);
            DurableFiles.PublishFile(staged, full);
            return result;
        }
        finally
        {
            File.Delete(staged);
        }
    }

    private static void WriteArrays(
        string path, Stream tokens, IReadOnlyList<long> lengths, CancellationToken cancellation)
    {
        using var file = File.Create(path);
        using var writer = new NpzWriter(file);
        var piece = new ushort[PieceTokens];
        foreach (var length in lengths)
        {
            writer.BeginArray(length);
            for (var left = length; left > 0; left -= piece.Length)
            {
                cancellation.ThrowIfCancellationRequested();
                var part = piece.AsSpan(0, (int)Math.Min(left, piece.Length));
                tokens.ReadExactly(MemoryMarshal.AsBytes(part));
                writer.Write(part);
            }
        }

        writer.Complete();
    }
}

using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>Writes tokens as uint16 little endian, and hashes and counts them on the way.</summary>
/// <param name="output">Where to; stays open.</param>
/// <param name="endOfText">The token between stretches; null where the vocabulary has none.</param>
internal sealed class TokenWriter(Stream output, int? endOfText) : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool inDocument;

    /// <summary>Tokens so far.</summary>
    public long Count { get; private set; }

    /// <summary>Stretches of tokens between ends of text so far.</summary>
    public long StretchCount { get; private set; }

    /// <summary>Lower-case hexadecimal SHA-256 of the bytes; may be asked once.</summary>
    public string Hash() => Convert.ToHexStringLower(hash.GetHashAndReset());

    public void Write(ReadOnlySpan<ushort> tokens)
    {
        foreach (var token in tokens)
        {
            var inside = token != endOfText;
            if (inside && !inDocument)
                StretchCount++;
            inDocument = inside;
        }

        Count += tokens.Length;
        var bytes = MemoryMarshal.AsBytes(tokens);
        hash.AppendData(bytes);
        output.Write(bytes);
    }

    /// <summary>A stretch ends here, with or without a token that says so.</summary>
    public void EndStretch()
    {
        if (endOfText is { } token)
            Write([(ushort)token]);
        inDocument = false;
    }

    public void Dispose() => hash.Dispose();
}

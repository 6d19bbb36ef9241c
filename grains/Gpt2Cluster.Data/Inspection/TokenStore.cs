using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// A corpus' tokens, kept to be looked at again: the first ones in memory, the others in a temporary file, which has no
/// name on Linux, so that nothing is left of it however the process ends. A disk that is full ends the keeping and
/// nothing else. One thread at a time.
/// </summary>
/// <param name="memoryTokens">How many stay in memory at least; whole blocks do.</param>
/// <param name="endOfText">The token that parts documents.</param>
/// <param name="folder">Where the file lies.</param>
internal sealed class TokenStore(long memoryTokens, ushort endOfText, string folder) : IDisposable
{
    /// <summary>Tokens of a block: 2 MiB.</summary>
    public const int BlockTokens = 1 << 20;

    private const int FirstTokens = 1 << 12;

    private readonly List<ushort[]> blocks = [];
    private ushort[] tail = [];
    private int tailCount;
    private long fileTokens;
    private FileStream? file;

    /// <summary>The token that parts documents.</summary>
    public ushort EndOfText => endOfText;

    /// <summary>Tokens that are kept, from the first one on.</summary>
    public long Count => ((long)blocks.Count * BlockTokens) + fileTokens + tailCount;

    /// <summary>Why the keeping ended; null while all tokens are kept.</summary>
    public string? Fault { get; private set; }

    /// <summary>Adds tokens, unless the keeping has ended.</summary>
    public void Append(ReadOnlySpan<ushort> tokens)
    {
        while (!tokens.IsEmpty && Fault is null)
        {
            if (tailCount == tail.Length)
                MakeRoom();
            var count = Math.Min(tokens.Length, tail.Length - tailCount);
            tokens[..count].CopyTo(tail.AsSpan(tailCount));
            tailCount += count;
            tokens = tokens[count..];
        }
    }

    /// <summary>Copies kept tokens from an index on.</summary>
    /// <param name="start">0 to <see cref="Count"/>.</param>
    /// <param name="into">Where to; is filled as far as there are tokens.</param>
    /// <returns>How many there were.</returns>
    public int Read(long start, Span<ushort> into)
    {
        var wanted = (int)Math.Min(into.Length, Count - start);
        for (var done = 0; done < wanted;)
            done += ReadPart(start + done, into[done..wanted]);
        return wanted;
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    private int ReadPart(long start, Span<ushort> into)
    {
        var (block, within) = ((int)(start / BlockTokens), (int)(start % BlockTokens));
        var isWhole = start < ((long)blocks.Count * BlockTokens) + fileTokens;
        var count = Math.Min(into.Length, (isWhole ? BlockTokens : tailCount) - within);
        into = into[..count];
        if (block < blocks.Count)
            blocks[block].AsSpan(within, count).CopyTo(into);
        else if (!isWhole)
            tail.AsSpan(within, count).CopyTo(into);
        else
            ReadFile((start - ((long)blocks.Count * BlockTokens)) * sizeof(ushort), MemoryMarshal.AsBytes(into));
        return count;
    }

    private void ReadFile(long offset, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var count = RandomAccess.Read(Handle, into, offset);
            if (count == 0)
                throw new EndOfStreamException("the temporary file of the tokens was cut short");
            into = into[count..];
            offset += count;
        }
    }

    private SafeFileHandle Handle => file!.SafeFileHandle;

    // The tail is full; the first one grows, as most texts are small.
    private void MakeRoom()
    {
        if (tail.Length < BlockTokens)
        {
            Array.Resize(ref tail, Math.Max(FirstTokens, 2 * tail.Length));
        }
        else if (file is null && (long)blocks.Count * BlockTokens < memoryTokens)
        {
            blocks.Add(tail);
            (tail, tailCount) = (new ushort[BlockTokens], 0);
        }
        else
        {
            Spill();
        }
    }

    private void Spill()
    {
        try
        {
            file ??= Create();
            RandomAccess.Write(Handle, MemoryMarshal.AsBytes(tail.AsSpan()), fileTokens * sizeof(ushort));
            fileTokens += tailCount;
            tailCount = 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Fault = $"{folder} does not take the tokens ({error.Message.TrimEnd('.')}); TMPDIR names another folder";
        }
    }

    private FileStream Create()
    {
        var path = Path.Combine(folder, $"gpt2cluster-{Guid.NewGuid():N}.partial");
        var made = new FileStream(
            path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, bufferSize: 0, FileOptions.DeleteOnClose);
        if (OperatingSystem.IsLinux())
            File.Delete(path);
        return made;
    }
}

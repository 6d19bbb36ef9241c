using System.Text;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Makes the checksums of tar headers right again (POSIX.1-1988, ustar).</summary>
internal static class TarChecksums
{
    private const int BlockBytes = 512;
    private const int ChecksumAt = 148;
    private const int ChecksumBytes = 8;
    private const int MagicAt = 257;

    /// <summary>Signs every block that looks like a header.</summary>
    public static void Repair(byte[] archive)
    {
        for (var start = 0; start + BlockBytes <= archive.Length; start += BlockBytes)
        {
            var block = archive.AsSpan(start, BlockBytes);
            if (block[MagicAt..].StartsWith("ustar"u8))
                Sign(block);
        }
    }

    private static void Sign(Span<byte> block)
    {
        var field = block.Slice(ChecksumAt, ChecksumBytes);
        field.Fill((byte)' ');
        var sum = 0;
        foreach (var value in block)
            sum += value;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(field);
    }
}

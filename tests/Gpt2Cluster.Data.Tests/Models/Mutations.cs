using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tests.Models;

/// <summary>Feeds a parser with damaged files: each is read whole or refused in one sentence.</summary>
internal static class Mutations
{
    /// <summary>What a parser may take for one input above what it took before, in bytes.</summary>
    private const long MostBytes = 256 << 20;

    /// <summary>Tries many mutations of a sound file.</summary>
    /// <param name="sound">The bytes.</param>
    /// <param name="end">Only bytes before this one are changed; cuts are anywhere.</param>
    /// <param name="count">How many.</param>
    /// <param name="read">Reads all that is in a mutated file.</param>
    /// <param name="repair">Makes checksums right again, so that what is behind them is reached; null for none.</param>
    /// <returns>How many were refused.</returns>
    public static int Run(byte[] sound, int end, int count, Action<byte[]> read, Action<byte[]>? repair = null)
    {
        var random = new Random(11);
        var refused = 0;
        for (var round = 0; round < count; round++)
        {
            var bytes = Mutate(sound, end, random);
            if (round % 2 == 0)
                repair?.Invoke(bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(bytes);
            }
            catch (UserErrorException error)
            {
                Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
                refused++;
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"mutation {round} ended in {error}", error);
            }

            var taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken < MostBytes, $"mutation {round} took {taken} bytes");
        }

        return refused;
    }

    private static byte[] Mutate(byte[] sound, int end, Random random)
    {
        var bytes = (byte[])sound.Clone();
        for (var edits = random.Next(4); edits >= 0; edits--)
        {
            var place = random.Next(end);
            bytes[place] = random.Next(4) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)(bytes[place] ^ (1 << random.Next(8))),
                2 => (byte)(random.Next(2) * 0xff),
                _ => bytes[random.Next(end)],
            };
        }

        return random.Next(8) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }
}

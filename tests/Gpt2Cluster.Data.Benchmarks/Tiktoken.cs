using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Data.Benchmarks;

/// <summary>What one encoding of the text took, and what came out.</summary>
/// <param name="Processor">Processor time, all threads.</param>
/// <param name="Wall">Time that passed.</param>
/// <param name="TokenCount">Tokens.</param>
/// <param name="Hash">SHA-256 of the ids as uint16, little endian, in lower-case hexadecimal.</param>
internal readonly record struct Measurement(TimeSpan Processor, TimeSpan Wall, int TokenCount, string Hash);

/// <summary>npm's tiktoken in a process of its own, which encodes the text each time it is asked.</summary>
internal sealed class Tiktoken : IDisposable
{
    private readonly Process node;

    /// <summary>Starts it.</summary>
    /// <param name="folder">Where <c>npm install tiktoken</c> ran.</param>
    /// <param name="file">The text.</param>
    public Tiktoken(string folder, string file)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "tiktoken.cjs");
        node = Process.Start(new ProcessStartInfo("node", [script, folder, file])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>Encodes the text once.</summary>
    public Measurement Measure()
    {
        node.StandardInput.WriteLine();
        node.StandardInput.Flush();
        var words = node.StandardOutput.ReadLine()?.Split(' ')
            ?? throw new InvalidOperationException("node ended; is tiktoken installed in that folder?");
        return new Measurement(
            TimeSpan.FromMicroseconds(long.Parse(words[0], CultureInfo.InvariantCulture)),
            TimeSpan.FromMicroseconds(long.Parse(words[1], CultureInfo.InvariantCulture)),
            int.Parse(words[2], CultureInfo.InvariantCulture),
            words[3]);
    }

    public void Dispose()
    {
        node.StandardInput.Close();
        node.WaitForExit();
        node.Dispose();
    }
}

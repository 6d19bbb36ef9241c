using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Data.Benchmarks;

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

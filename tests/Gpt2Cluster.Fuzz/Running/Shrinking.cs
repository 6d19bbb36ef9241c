using System.Diagnostics;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>Makes an input shorter that shows a fault, part by part, as long as it shows the same one.</summary>
internal static class Shrinking
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The shortest that was found.</summary>
    public static byte[] Shorten(Trial trial, Finding finding, byte[] input)
    {
        var watch = Stopwatch.StartNew();
        var shortest = input;
        for (var part = Math.Max(1, input.Length / 2); part >= 1; part /= 2)
        {
            for (var start = 0; start + part <= shortest.Length && watch.Elapsed < Patience;)
            {
                byte[] shorter = [.. shortest.AsSpan(0, start), .. shortest.AsSpan(start + part)];
                if (trial.Run(shorter, finding.Index).Finding?.Signature == finding.Signature)
                    shortest = shorter;
                else
                    start += part;
            }
        }

        return shortest;
    }
}

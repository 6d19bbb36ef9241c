using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Training;

/// <summary>A run of elements the optimizer treats alike, short enough to stay in a core's cache.</summary>
/// <param name="Start">Its first element.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Decays">Whether weight decay applies.</param>
internal readonly record struct ParameterSegment(long Start, int Count, bool Decays)
{
    /// <summary>Elements of a segment at most.</summary>
    public const int MaxElements = 16_384;

    /// <summary>Cuts the parameters of a layout into segments.</summary>
    public static ParameterSegment[] For(ParameterLayout layout) => [.. layout.Slices.SelectMany(Cut)];

    private static IEnumerable<ParameterSegment> Cut(ParameterSlice slice)
    {
        for (var start = slice.Start; start < slice.End; start += MaxElements)
            yield return new ParameterSegment(start, (int)Math.Min(MaxElements, slice.End - start), slice.Decays);
    }
}

using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Grains.Models;

/// <summary>How many texts are decoded together: what one holds in its key/value cache bounds them.</summary>
internal static class TextBound
{
    /// <summary>Texts at once at most: beyond, products bound the time and nothing is gained.</summary>
    public const int MostTexts = 16;

    /// <summary>Bytes of all caches together at most, while there is more than one text.</summary>
    public const long MostCacheBytes = 512L << 20;

    /// <summary>Texts at once, 1 or more.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="positionCount">Tokens of a text, its prompt's included.</param>
    public static int AtOnce(ModelShape shape, int positionCount)
    {
        var cacheBytes = 2L * sizeof(float) * shape.LayerCount * shape.Width * positionCount;
        return (int)Math.Clamp(MostCacheBytes / Math.Max(1, cacheBytes), 1, MostTexts);
    }
}

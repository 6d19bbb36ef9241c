namespace Gpt2Cluster.Data.Inspection;

/// <summary>Compares what stands at two places of a <see cref="TokenStore"/>.</summary>
/// <param name="store">The tokens.</param>
internal sealed class TokenComparison(TokenStore store)
{
    // Most comparisons end early; those that do not read more and more at once.
    private const int FirstTokens = 64;
    private const int MostTokens = 16 << 10;

    private readonly ushort[] left = new ushort[MostTokens];
    private readonly ushort[] right = new ushort[MostTokens];

    /// <summary>How many tokens are equal from two places on; an end of text or a bound ends them.</summary>
    /// <param name="first">One place.</param>
    /// <param name="second">The other one, further behind.</param>
    /// <param name="most">More are not looked for.</param>
    public long Forward(long first, long second, long most)
    {
        var equal = 0L;
        for (var count = FirstTokens; equal < most; count = Math.Min(4 * count, MostTokens))
        {
            var wanted = (int)Math.Min(count, most - equal);
            var read = store.Read(second + equal, right.AsSpan(0, wanted));
            var known = store.Read(first + equal, left.AsSpan(0, read));
            var common = left.AsSpan(0, known).CommonPrefixLength(right.AsSpan(0, read));
            var end = left.AsSpan(0, common).IndexOf(store.EndOfText);
            if (end >= 0)
                return equal + end;
            equal += common;
            if (common < wanted)
                return equal;
        }

        return equal;
    }

    /// <summary>How many tokens are equal that end just before two places; an end of text or a bound ends
    /// them.</summary>
    /// <inheritdoc cref="Forward"/>
    public long Backward(long first, long second, long most)
    {
        var equal = 0L;
        most = Math.Min(most, first);
        for (var count = FirstTokens; equal < most; count = Math.Min(4 * count, MostTokens))
        {
            var wanted = (int)Math.Min(count, most - equal);
            store.Read(first - equal - wanted, left.AsSpan(0, wanted));
            store.Read(second - equal - wanted, right.AsSpan(0, wanted));
            for (var index = wanted - 1; index >= 0; index--)
            {
                if (left[index] != right[index] || left[index] == store.EndOfText)
                    return equal + wanted - 1 - index;
            }

            equal += wanted;
        }

        return equal;
    }
}

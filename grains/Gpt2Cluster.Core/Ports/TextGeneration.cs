namespace Gpt2Cluster.Core.Ports;

/// <summary>Requests from their prompts to the end of all their samples.</summary>
public static class TextGeneration
{
    /// <summary>Continues one request's prompt, all samples together.</summary>
    /// <param name="replica">The model.</param>
    /// <param name="request">The request.</param>
    /// <param name="produced">Takes the tokens, in order of position, then sample.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    /// <exception cref="ArgumentException">The request does not fit the model.</exception>
    public static void Generate(
        this IReplica replica,
        GenerationRequest request,
        Action<GeneratedToken> produced,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        replica.Generate(
            [request],
            request.Count,
            (_, token) =>
            {
                produced(token);
                return true;
            },
            cancellation);
    }

    /// <summary>Continues requests in order, some texts at a time: when one is over the next joins.</summary>
    /// <param name="replica">The model.</param>
    /// <param name="requests">The requests.</param>
    /// <param name="atOnce">Texts decoded together at most, 1 or more.</param>
    /// <param name="produced">Takes a request's index and a token of it; false ends the sample.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    /// <exception cref="ArgumentException">A request does not fit the model.</exception>
    public static void Generate(
        this IReplica replica,
        IReadOnlyList<GenerationRequest> requests,
        int atOnce,
        Func<int, GeneratedToken, bool> produced,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentOutOfRangeException.ThrowIfLessThan(atOnce, 1);
        using var texts = replica.NewTexts();
        var (index, begun) = (0, 0);
        while (index < requests.Count || texts.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            while (index < requests.Count && texts.Count < atOnce)
            {
                var (request, number) = (requests[index], index);
                var some = request with
                {
                    FirstSample = request.FirstSample + begun,
                    Count = Math.Min(request.Count - begun, atOnce - texts.Count),
                };
                texts.Join(some, token => produced(number, token));
                begun += some.Count;
                if (begun == request.Count)
                    (index, begun) = (index + 1, 0);
            }

            if (texts.Count > 0)
                texts.Advance();
        }
    }
}

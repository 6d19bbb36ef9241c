using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Core.Runs.State;

/// <summary>A member's part of the work in flight.</summary>
/// <param name="Worker">The member's key.</param>
/// <param name="Part">What it is to do.</param>
/// <param name="Result">What it reported; null before.</param>
public sealed record Share<TPart, TResult>(WorkerId Worker, TPart Part, TResult? Result = null)
    where TResult : class;

/// <summary>Work that all members do together, in their order.</summary>
/// <param name="Shares">One of each member.</param>
public sealed record Work<TPart, TResult>(ImmutableList<Share<TPart, TResult>> Shares)
    where TResult : class
{
    /// <summary>Hands out the parts, one for each member in order.</summary>
    public Work(IEnumerable<RunMember> members, IEnumerable<TPart> parts)
        : this([.. members.Zip(parts, (member, part) => new Share<TPart, TResult>(member.Key, part))])
    {
    }

    /// <summary>The shares that nothing is reported of.</summary>
    public IEnumerable<Share<TPart, TResult>> Missing => Shares.Where(share => share.Result is null);

    /// <summary>A worker's share if nothing is reported of it; else null.</summary>
    public Share<TPart, TResult>? MissingOf(WorkerId worker) => Missing.FirstOrDefault(share => share.Worker == worker);

    /// <summary>The work with one result more.</summary>
    public Work<TPart, TResult> With(Share<TPart, TResult> share, TResult result) =>
        new(Shares.Replace(share, share with { Result = result }));
}

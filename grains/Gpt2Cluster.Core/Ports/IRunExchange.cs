using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Orleans;

namespace Gpt2Cluster.Core.Ports;

/// <summary>One silo of a run, as the stripe channel reaches it.</summary>
/// <param name="SiloName">Its name.</param>
/// <param name="Host">Address or host name of its stripe port.</param>
/// <param name="Port">Its stripe port.</param>
[GenerateSerializer, Immutable, Alias("gpt2.exchange-member.v1")]
public sealed record ExchangeMember(SiloName SiloName, string Host, int Port);

/// <summary>Who averages with whom: fixed for one generation of one run.</summary>
public sealed record ExchangeMembership
{
    /// <summary>The run's name.</summary>
    public required RunName Run { get; init; }

    /// <summary>Version of the membership; frames of an older one are dropped.</summary>
    public required int Generation { get; init; }

    /// <summary>Micro-batches of a step, M.</summary>
    public required int LeafCount { get; init; }

    /// <summary>The silos, in the order that gives stripe <c>i</c> to silo <c>i mod count</c>.</summary>
    public required IReadOnlyList<ExchangeMember> Silos { get; init; }

    /// <summary>This silo's place among <see cref="Silos"/>.</summary>
    public required int OwnIndex { get; init; }
}

/// <summary>What one step's exchange cost on this silo.</summary>
/// <param name="SentBytes">Payload bytes sent to other silos.</param>
/// <param name="ReceivedBytes">Payload bytes received from them.</param>
public readonly record struct ExchangeFigures(long SentBytes, long ReceivedBytes);

/// <summary>Takes averages while others are on their way.</summary>
public interface IAveragesSink
{
    /// <summary>
    /// The elements from <paramref name="start"/> up to <paramref name="end"/> are averaged and stay as they are until
    /// the next step begins. Called on the thread that waits for them, once for each element at most: one that waits
    /// for nothing, because the gradient is the average as it stands, hears of none.
    /// </summary>
    void Landed(FlatBuffer averages, long start, long end);
}

/// <summary>
/// The averaging of one run on one silo: takes the partial sums of the silo's workers, exchanges stripes with the other
/// silos, sums in the canonical tree's order, divides the root by M, and holds the averaged gradient.
/// </summary>
public interface IRunExchange : IDisposable
{
    /// <summary>
    /// Takes over a new membership. Sums and averages already here stay usable: contributions are idempotent.
    /// </summary>
    void Configure(ExchangeMembership membership);

    /// <summary>
    /// Makes ready for <paramref name="step"/> under the plan of a generation: what is older than the step before is
    /// released. A step that a newer generation plans again keeps its averages; when this returns, no sum contributed
    /// under an older plan is read any more, so that its buffer may be written again. May be called once per worker; a
    /// plan that is older than the newest one begun is ignored.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="generation">The plan's generation.</param>
    /// <param name="siloRanges">
    /// The micro-batches of all workers of this silo under the plan: sums that they complete together are added up here
    /// before anything of them is sent. What is not named is sent as it is contributed.
    /// </param>
    void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges);

    /// <summary>
    /// Takes the sums of a worker of this silo under a plan that was begun. What it is given stays unchanged until the
    /// next <see cref="BeginStep"/>. A repeat is harmless, and what belongs to an older plan than the newest one begun
    /// is dropped.
    /// </summary>
    IContributionSink Contributions(long step, int generation);

    /// <summary>Waits until every stripe of the step's average is here.</summary>
    /// <inheritdoc cref="WaitForAverages(long, IAveragesSink, CancellationToken)"/>
    FlatBuffer WaitForAverages(long step, CancellationToken cancellation) => WaitForAverages(step, null, cancellation);

    /// <summary>Waits until every stripe of the step's average is here.</summary>
    /// <param name="step">The step.</param>
    /// <param name="sink">Takes what is averaged while the rest is on its way; null if nobody does.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>
    /// The averaged gradient; it stays valid until the next <see cref="BeginStep"/>, and with several silos, where
    /// others may still ask for it, until the one after. With one silo and M = 1 it is the fp32 buffer contributed.
    /// </returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled (a new generation, a stop).</exception>
    FlatBuffer WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation);

    /// <summary>
    /// A worker of this silo is about to free its buffers: when this returns, nothing that was contributed up to
    /// <paramref name="generation"/>, the last it served, is read any more. A step in flight under that generation can
    /// then be finished only under a newer one.
    /// </summary>
    void Withdraw(int generation);

    /// <summary>What the step's exchange has cost so far.</summary>
    ExchangeFigures Figures(long step);
}

/// <summary>A silo whose stripe port cannot be reached.</summary>
/// <param name="Run">The run that needs it.</param>
/// <param name="Generation">The run's generation on this silo.</param>
/// <param name="Silo">The silo and where its stripe port should be.</param>
/// <param name="Reason">What the system says.</param>
/// <param name="IsGone">
/// Its machine answers that nobody listens there: the process has ended. Otherwise nobody knows; it may be the network.
/// </param>
public sealed record UnreachableSilo(RunName Run, int Generation, ExchangeMember Silo, string Reason, bool IsGone);

/// <summary>The stripe channel of this process: one listener, one connection set per other silo, many runs.</summary>
public interface IStripeChannel : IAsyncDisposable
{
    /// <summary>The port this silo listens on.</summary>
    int Port { get; }

    /// <summary>Opens the averaging of a run of <paramref name="elementCount"/> parameters on this silo.</summary>
    IRunExchange Open(RunName run, long elementCount);

    /// <summary>
    /// A silo of a run cannot be reached; raised again and again while that lasts, and at once if its process is gone.
    /// The channel goes on trying. Raised on a channel thread.
    /// </summary>
    event Action<UnreachableSilo>? Unreachable;
}

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Grains.Tests.Workers;

/// <summary>
/// An exchange that has every average at once, and writes down what it is asked beside what the replica was asked.
/// </summary>
internal sealed class FakeExchange(List<string> calls) : IRunExchange
{
    public Action? Closed { get; init; }

    private readonly FlatBuffer averages = FlatBuffer.Allocate(1);

    /// <summary>What happens while averages are awaited.</summary>
    public Action OnWait { get; init; } = () => { };

    public void Configure(ExchangeMembership membership) => calls.Add($"configure {membership.Generation}");

    public void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        var with = siloRanges.Count > 0 ? $" with {string.Join('+', siloRanges)}" : "";
        calls.Add($"exchange {step} of {generation}{with}");
    }

    public IContributionSink Contributions(long step, int generation) => new NotedSums(calls);

    public FlatBuffer WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation)
    {
        calls.Add($"wait {step}");
        OnWait();
        return averages;
    }

    public void Withdraw(int generation) => calls.Add($"withdraw {generation}");

    public ExchangeFigures Figures(long step) => new(SentBytes: 77, ReceivedBytes: 88);

    public void Dispose()
    {
        Closed?.Invoke();
        averages.Dispose();
    }

    private sealed class NotedSums(List<string> calls) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) =>
            calls.Add($"contribute {subtree}");
    }
}

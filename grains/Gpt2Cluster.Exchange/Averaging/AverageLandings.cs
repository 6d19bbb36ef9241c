using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>Tells one who waits for a step's averages which stripes have landed since it was told last.</summary>
internal sealed class AverageLandings
{
    private readonly StepExchange step;
    private readonly IAveragesSink sink;
    private readonly bool[] told;

    /// <summary>From now on whoever waits for the step is woken by each stripe.</summary>
    public AverageLandings(StepExchange step, IAveragesSink sink)
    {
        (this.step, this.sink) = (step, sink);
        told = new bool[step.Layout.StripeCount];
        step.IsWatched = true;
    }

    /// <summary>Tells of what is here and was not told of, neighbours together.</summary>
    public void Tell()
    {
        if (step.IsAlias)
            return;
        for (var stripe = 0; stripe < told.Length; stripe++)
        {
            var first = stripe;
            while (stripe < told.Length && !told[stripe] && step.IsAveraged(stripe))
                told[stripe++] = true;
            if (stripe == first)
                continue;
            var last = step.Layout.Range(stripe - 1);
            sink.Landed(step.Averages, step.Layout.Range(first).Start, last.Start + last.Count);
        }
    }
}

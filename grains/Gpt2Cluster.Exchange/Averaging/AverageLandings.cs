using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>Tells one who waits for a step's averages which stripes have landed since it was told last.</summary>
internal sealed class AverageLandings(AveragedStep step, StepMemory memory, StripeLayout layout, IAveragesSink sink)
{
    private readonly bool[] told = new bool[layout.StripeCount];
    private readonly List<(long Start, long End)> landed = [];

    /// <summary>Looks what is here and was not told of, neighbours together. The lock of the run is held.</summary>
    public void Collect()
    {
        if (step.IsAdopted)
            return;
        for (var stripe = 0; stripe < told.Length; stripe++)
        {
            var first = stripe;
            while (stripe < told.Length && !told[stripe] && step.IsAveraged(stripe))
                told[stripe++] = true;
            if (stripe > first)
                landed.Add((layout.Range(first).Start, layout.Range(stripe - 1).End));
        }
    }

    /// <summary>Tells of what was found.</summary>
    public void Tell()
    {
        foreach (var (start, end) in landed)
            sink.Landed(memory.Averages!, start, end);
        landed.Clear();
    }
}

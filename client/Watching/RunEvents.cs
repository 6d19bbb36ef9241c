using System.Runtime.CompilerServices;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.Watching;

/// <summary>The events of a run, each once, whatever silo dies in between.</summary>
/// <param name="session">The cluster.</param>
/// <param name="run">The run's name.</param>
internal sealed class RunEvents(ClusterSession session, RunName run)
{
    /// <summary>The events after a sequence number, without end; cancelling ends them quietly.</summary>
    /// <exception cref="ClientException">There is no such run any more.</exception>
    public async IAsyncEnumerable<RunEventLine> After(
        long sequence, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var grain = session.Grains.Run(run);
        while (await Next(grain, sequence, cancellation) is { } lines)
        {
            foreach (var line in lines.Where(line => line.Sequence > sequence))
            {
                sequence = line.Sequence;
                yield return line;
            }
        }
    }

    private async Task<RunEventLine[]?> Next(ITrainingRun grain, long sequence, CancellationToken cancellation)
    {
        try
        {
            var lines = await session.Retries.Call(() => grain.EventsAfter(sequence), cancellation);
            // Of a run that its store has lost nothing more is heard.
            return lines.Length > 0 || await session.Retries.Call(grain.Describe, cancellation) is not null
                ? lines
                : throw ClientException.RunLost(run);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return null;
        }
    }
}

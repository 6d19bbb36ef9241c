using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>Brings a worker's reports to the coordinator in their order, again if it does not answer.</summary>
internal sealed class WorkerReports(Silo silo)
{
    private const int MaximumTries = 64;

    private Task last = Task.CompletedTask;

    /// <summary>Puts a report behind the others.</summary>
    public void Send(RunEvent report) => last = SendAfter(last, report);

    private async Task SendAfter(Task previous, RunEvent report)
    {
        await previous;
        for (var attempt = 0; attempt < MaximumTries; attempt++)
        {
            try
            {
                await silo.Grains.Run(SimulatedCluster.RunName).Report(report);
                return;
            }
            catch (Exception problem)
            {
                silo.Trace.Say($"{silo.Life.Name} reports again: {problem.Message}");
            }

            await silo.Work(Math.Min(1, 0.05 * (1 << Math.Min(attempt, 16))));
        }
    }
}

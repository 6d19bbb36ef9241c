using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// The commands of a phase that are not answered: sent when it begins, and again when nothing was heard for a while.
/// </summary>
internal static class Outstanding
{
    public static IEnumerable<RunCommand> Of(RunState state)
    {
        var (step, generation) = (state.Step, state.Record.Generation);
        return state.Phase switch
        {
            RunPhase.Forming forming => [.. Preparations(state), .. Exchanges(state, forming.ReadySilos)],
            RunPhase.Stepping { Work: var work } => Plans(state, work),
            RunPhase.Validating { Work: var work } => from share in work.Missing
                                                      where share.Part.Count > 0
                                                      select new Validate(share.Worker, generation, step, share.Part),
            RunPhase.Sampling { Work: var work } => from share in work.Missing
                                                    where share.Part.Count > 0
                                                    select new Sample(share.Worker, generation, step, share.Part),
            _ => [],
        };
    }

    /// <summary>What members are to prepare.</summary>
    public static IEnumerable<RunCommand> Preparations(RunState state) =>
        state.Members.Select(member => member.Awaited).OfType<PrepareReplica>();

    private static IEnumerable<RunCommand> Exchanges(RunState state, ImmutableHashSet<SiloName> readySilos)
    {
        var (silos, leafCount) = (state.Silos, state.Record.Specification.MicroBatchCount);
        return from silo in silos
               where !readySilos.Contains(silo)
               select new ConfigureExchange(silo, state.Record.Generation, leafCount, silos);
    }

    private static IEnumerable<RunCommand> Plans(RunState state, Work<IReadOnlyList<LeafRange>, StepReported> work)
    {
        var (specification, step) = (state.Record.Specification, state.Step + 1);
        var rate = specification.Schedule.At(step, specification.Steps);
        var parts = state.Members.Zip(work.Shares, (member, share) => (member.Silo, share.Part))
            .ToLookup(each => each.Silo, each => each.Part);
        return from each in state.Members.Zip(work.Shares)
               where each.Second.Result is null
               let siloRanges = parts[each.First.Silo].SelectMany(ranges => ranges).ToList()
               select new PlanStep(
                   each.First.Key,
                   state.Record.Generation,
                   step,
                   each.Second.Part,
                   rate,
                   siloRanges,
                   IsAlone: work.Shares.Count == 1);
    }
}

using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Workers;

/// <summary>An order of the coordinator, with what comes along with it.</summary>
/// <param name="Command">
/// <see cref="PrepareReplica"/>, <see cref="PlanStep"/>, <see cref="Validate"/>, <see cref="Sample"/> or
/// <see cref="WriteCheckpoint"/>.
/// </param>
/// <exception cref="ArgumentException">The command is none of these.</exception>
public sealed record WorkerOrder(RunCommand Command)
{
    /// <summary>The checkpoint that a replica is to be loaded from; null for none.</summary>
    public CheckpointEntry? Checkpoint { get; init; }

    /// <summary>The run's record at the step that is to be saved; null for other orders.</summary>
    public RunRecord? Record { get; init; }

    /// <summary>
    /// With a preparation: whether this worker's reports have the bytes that its silo has sent.
    /// </summary>
    public bool ReportsExchange { get; init; }

    /// <summary>Orders of one key are repeats of each other.</summary>
    public OrderKey Key { get; } = KeyOf(Command);

    /// <summary>The generation that gives it.</summary>
    public int Generation { get; } = GenerationOf(Command);

    /// <summary>What the worker does, for people.</summary>
    public string Phase => Command switch
    {
        PrepareReplica => "preparing",
        PlanStep => "training",
        Validate => "validating",
        Sample => "sampling",
        _ => "saving",
    };

    private static OrderKey KeyOf(RunCommand command) => command switch
    {
        PrepareReplica order => new(nameof(PrepareReplica), order.Generation, order.Step, order.Source),
        PlanStep order => new(nameof(PlanStep), order.Generation, order.Step),
        Validate order => new(nameof(Validate), order.Generation, order.Step),
        Sample order => new(nameof(Sample), order.Generation, order.Step),
        // Of whatever generation: a checkpoint that is being written is that of its step.
        WriteCheckpoint order => new(nameof(WriteCheckpoint), Generation: 0, order.Step),
        _ => throw new ArgumentException($"{command} is no order to a worker.", nameof(command)),
    };

    private static int GenerationOf(RunCommand command) =>
        command is WriteCheckpoint order ? order.Generation : KeyOf(command).Generation;
}

/// <summary>What makes two orders the same.</summary>
/// <param name="Kind">The command's name.</param>
/// <param name="Generation">Its generation; 0 where that makes no difference.</param>
/// <param name="Step">Its step.</param>
/// <param name="Source">Where a replica comes from; only with a preparation.</param>
public readonly record struct OrderKey(
    string Kind, int Generation, long Step, ReplicaSource Source = ReplicaSource.Keep);

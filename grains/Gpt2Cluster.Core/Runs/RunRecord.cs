using System.Text.Json;
using System.Text.Json.Serialization;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>One checkpoint in a run's catalogue.</summary>
/// <param name="Step">The step after which it was taken.</param>
/// <param name="StateHash">The state hash, lower-case hexadecimal.</param>
/// <param name="Silo">The silo that wrote it; null if nobody said.</param>
/// <param name="Path">Its folder there.</param>
/// <param name="ValidationLoss">Validation loss at that step; null if none was measured.</param>
/// <param name="DataFolderId">The data folder it was written to, which silos may share; null if nobody said.</param>
public sealed record CheckpointEntry(
    long Step,
    string StateHash,
    [property: JsonConverter(typeof(KnownSiloConverter))] SiloName? Silo,
    string Path,
    double? ValidationLoss,
    string? DataFolderId = null)
    : StoredRecord
{
    /// <summary>Who has copied it since.</summary>
    public IReadOnlyList<CheckpointHolder> Copies { get; init; } = [];

    /// <summary>Who wrote it, and who has copied it since.</summary>
    public IEnumerable<CheckpointHolder> Holders() => Copies.Prepend(new CheckpointHolder(Silo, DataFolderId));

    /// <summary>Whether it was written or copied to a silo's disk.</summary>
    public bool IsOn(SiloDisk disk) => Holders().Any(holder =>
        holder.DataFolderId is { } id ? id == disk.DataFolderId : holder.Silo == disk.Silo);
}

/// <summary>A disk that a checkpoint lies on.</summary>
/// <param name="Silo">The silo; null if nobody said.</param>
/// <param name="DataFolderId">Its data folder; null if nobody said.</param>
public sealed record CheckpointHolder(
    [property: JsonConverter(typeof(KnownSiloConverter))] SiloName? Silo, string? DataFolderId) : StoredRecord;

/// <summary>Writes a silo's name, or an empty text where nobody said which silo.</summary>
public sealed class KnownSiloConverter : JsonConverter<SiloName?>
{
    private static readonly NameJsonConverter<SiloName> Known = new();

    /// <summary>Nobody is an empty text, as it always was: older versions read no null here.</summary>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    /// <exception cref="JsonException">It is no silo's name.</exception>
    public override SiloName? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        string.IsNullOrEmpty(reader.GetString()) ? null : Known.Read(ref reader, typeof(SiloName), options);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, SiloName? value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value?.ToString() ?? "");
    }
}

/// <summary>A checkpoint of this run that another run's frozen parameters come from.</summary>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Run">The name of the run that stands on it.</param>
public sealed record CheckpointHold(long Step, RunName Run) : StoredRecord;

/// <summary>The disk of a silo that is in the cluster now.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="DataFolderId">Its data folder, which silos may share.</param>
/// <param name="IsLeaving">Whether the silo is to stop.</param>
public sealed record SiloDisk(SiloName Silo, string DataFolderId, bool IsLeaving = false);

/// <summary>The devices that serve a run, of all that a cluster has.</summary>
/// <param name="Kind">Processors or cards.</param>
/// <param name="Class">Their class (<see cref="Device.Class"/>); null for all of the kind.</param>
public sealed record ServingDevices(DeviceKind Kind, string? Class) : StoredRecord
{
    /// <summary>For people: the kind, and the class if it is settled.</summary>
    public override string ToString() => string.IsNullOrEmpty(Class) ? Kind.Word() : $"{Kind.Word()}: {Class}";
}

/// <summary>A validation loss and where it was measured.</summary>
/// <param name="Step">After this step.</param>
/// <param name="Loss">Nats per token.</param>
public sealed record ValidationPoint(long Step, double Loss) : StoredRecord;

/// <summary>What is persisted of a run: all that a new coordinator needs beside the workers' own answers.</summary>
public sealed record RunRecord : StoredRecord
{
    /// <summary>The life of runs that were begun before lives had names.</summary>
    public const string UnnamedLife = "";

    /// <summary>What was asked for; its workers may change when it is resumed, nothing else.</summary>
    public required RunSpecification Specification { get; init; }

    /// <summary>
    /// The lives of the run's name whose checkpoints are its own: first this one, which nothing else is named by, then
    /// those whose checkpoints it has taken over from the disks. Older versions named none.
    /// </summary>
    public IReadOnlyList<string> Lives { get; init; } = [];

    /// <summary>
    /// Lives of the run's name that people have deleted: what is found of them on a disk is not taken over.
    /// </summary>
    public IReadOnlyList<string> DeletedLives { get; init; } = [];

    /// <summary>How the run stands.</summary>
    public RunStatus Status { get; init; }

    /// <summary>Whether its workers have got ready since people started or resumed it last.</summary>
    public bool HasComputed { get; init; }

    /// <summary>Version of the membership; raised and stored before anybody is told of it.</summary>
    public int Generation { get; init; }

    /// <summary>
    /// The last step that was ever committed. After the loss of all workers the replicas may stand before it.
    /// </summary>
    public long CommittedStep { get; init; }

    /// <summary>Pause when this step is committed; null for never.</summary>
    public long? PauseAt { get; init; }

    /// <summary>
    /// The pause or cancellation that people have asked for and that has not come to pass; null for none. Whoever
    /// coordinates next sees to it.
    /// </summary>
    public RunStatus? Asked { get; init; }

    /// <summary>Why it failed or what it waits for; null if nothing is to be said.</summary>
    public string? Remark { get; init; }

    /// <summary>
    /// The compute profile of the run's first worker, which all others must have; null before the first.
    /// </summary>
    public ComputeProfile? Profile { get; init; }

    /// <summary>
    /// The first step computed under newer arithmetic than the run began with, whose bits are not those of an
    /// undisturbed
    /// run from there on; null if all its steps were computed under one.
    /// </summary>
    public long? NewerArithmeticSince { get; init; }

    /// <summary>The class of devices that serves it; null until one has had enough workers.</summary>
    public ServingDevices? Devices { get; init; }

    /// <summary>The best validation so far; null before the first.</summary>
    public ValidationPoint? BestValidation { get; init; }

    /// <summary>The newest validation; null before the first.</summary>
    public ValidationPoint? LastValidation { get; init; }

    /// <summary>Validations since the best one.</summary>
    public int ValidationsSinceBest { get; init; }

    /// <summary>The last step whose samples were drawn.</summary>
    public long SampledStep { get; init; }

    /// <summary>The checkpoints, oldest first.</summary>
    public IReadOnlyList<CheckpointEntry> Checkpoints { get; init; } = [];

    /// <summary>
    /// Which checkpoints other runs stand on, oldest first: they never expire. Older versions stored none.
    /// </summary>
    public IReadOnlyList<CheckpointHold> Holds { get; init; } = [];

    /// <summary>The loss of <see cref="CommittedStep"/>; null before the first step.</summary>
    public double? LastLoss { get; init; }

    /// <summary>The losses of all steps, thinned out.</summary>
    public LossHistory History { get; init; } = LossHistory.Empty;

    /// <summary>Whether people were told that the run would be faster with fewer workers: once is enough.</summary>
    public bool HasScalingAdvice { get; init; }

    /// <summary>Time spent, from the first worker to each end, pauses left out.</summary>
    public TimeSpan ActiveTime { get; init; }

    /// <summary>The life that it is.</summary>
    public string Life => Lives.Count == 0 ? UnnamedLife : Lives[0];

    /// <summary>All of its lives, of which there is one at least.</summary>
    public IReadOnlyList<string> AllLives => Lives.Count == 0 ? [UnnamedLife] : Lives;

    /// <summary>The newest checkpoint; null if there is none.</summary>
    public CheckpointEntry? NewestCheckpoint => Checkpoints.Count == 0 ? null : Checkpoints[^1];

    /// <summary>
    /// The checkpoint that people mean: <c>last</c>, <c>best</c> by validation, or that of a step; null if there is
    /// none.
    /// </summary>
    public CheckpointEntry? Checkpoint(string wish) => wish switch
    {
        "last" => NewestCheckpoint,
        "best" => Checkpoints.FirstOrDefault(IsBest),
        _ => Checkpoints.FirstOrDefault(entry => $"{entry.Step}" == wish),
    };

    /// <summary>Whether a checkpoint is the best by validation so far.</summary>
    public bool IsBest(CheckpointEntry entry) => BestValidation?.Step == entry.Step;

    /// <summary>Names of the runs whose frozen parameters come from a checkpoint, for which it is kept.</summary>
    public IEnumerable<RunName> BaseOf(CheckpointEntry entry) =>
        Holds.Where(hold => hold.Step == entry.Step).Select(hold => hold.Run);

    /// <summary>Whether nothing follows but by request.</summary>
    public bool IsAtRest => Status.IsAtRest();

    /// <summary>Whether it can be resumed once it rests.</summary>
    public bool CanResume => Status is RunStatus.Paused or RunStatus.Failed;
}

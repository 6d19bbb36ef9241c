using System.Text.Json;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Gpt2Cluster.Contracts.Tests;

/// <summary>Core's records, sent and received by Orleans' serializer as between silos.</summary>
public sealed class CoreRecordTests : IDisposable
{
    private static readonly ComputeProfile Profile =
        new("cpu", "AVX2", Precision.BFloat16, 2, "2.7", "cafe", Arithmetic: 2, RepeatsItself: false);

    private readonly ServiceProvider provider = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public void Dispose() => provider.Dispose();

    public static TheoryData<object> Messages =>
    [
        new PrepareReplica("a/0", 3, ReplicaSource.Copy, 7, ["b/0", "c/1"]),
        new PlanStep("a/0", 3, 8, [new(0, 2), new(5, 6)], 0.1 + 0.2, [new(0, 6)], IsAlone: true),
        new Validate("a/0", 3, 8, new LeafRange(1, 4)),
        new Sample("a/0", 3, 8, new LeafRange(0, 1)),
        new WriteCheckpoint("a/0", 3, 8, double.NaN, IsBest: true),
        new ReplicaReady("a/0", 3, null, Profile, [new(2, 4)]),
        new ReplicaReady("a/0", 3, 7, null),
        new StepReported(
            "a/0", 3, 8, [1.5, double.PositiveInfinity], 0.3, false, 1, Seconds(1), Seconds(0.5), Seconds(0.01), 9, 4),
        new ValidationReported("a/0", 3, 8, [0.1, 0.2, 0.3]),
        new SampleReported("a/0", 3, 8, ["one\n", "zwölf"]),
        new CheckpointWritten("a/0", 8, "hash", "/c/8", Seconds(2), "disk"),
        new CheckpointFailed("a/0", 8, "the disk is full", IsBusy: true),
        new CheckpointUnreachable("a/0", 3, 8, "silo b does not answer"),
        new CheckpointDamaged(8, "it has another hash"),
        new WorkerTroubled("a/0", 3, "no memory", IsFinal: false, HasNoMemory: true),
        new SiloUnreachable("a", "b", 3, "refused", IsGone: true),
        new ExchangeMember("a", "127.0.0.1", 4000),
        new FoundCheckpoint(Entry, Record),
        Record,
        Record.Specification,
        Entry,
    ];

    [Theory]
    [MemberData(nameof(Messages))]
    public void What_arrives_is_what_was_sent(object message)
    {
        var serializer = provider.GetRequiredService<Serializer>();
        var arrived = serializer.Deserialize<object>(serializer.SerializeToArray(message));
        Assert.IsType(message.GetType(), arrived);
        Assert.Equal(Json(message), Json(arrived));
    }

    /// <summary>A coordinator stamps what it hears with its own clock.</summary>
    [Fact]
    public void When_something_was_heard_does_not_travel()
    {
        var serializer = provider.GetRequiredService<Serializer>();
        CoordinatorInput heard = new CheckpointDamaged(8, "damaged") { At = Seconds(5) };
        Assert.Equal(
            new CheckpointDamaged(8, "damaged"),
            serializer.Deserialize<CoordinatorInput>(serializer.SerializeToArray(heard)));
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static string Json(object value) =>
        JsonSerializer.Serialize(value, value.GetType(), SpecificationJson.Options);

    private static CheckpointEntry Entry =>
        new(4, "ab", "a", "/c/4", 3.25, "disk") { Copies = [new CheckpointHolder("b", null)] };

    private static RunRecord Record => new()
    {
        Specification = new RunSpecification
        {
            Run = RunName.Parse("run1"),
            Model = new ModelReference("scratch:tiny", Presets.Scratch("scratch:tiny").Shape),
            Dataset = new DatasetReference(new string('a', 64), 1000),
            SequenceLength = 8,
            Schedule = new LearningRateSchedule(ScheduleKind.Constant, 0.1 + 0.2, 10),
        },
        Generation = 5,
        Lives = ["life"],
        Profile = Profile,
        Checkpoints = [Entry],
        ActiveTime = Seconds(12.5),
    };
}

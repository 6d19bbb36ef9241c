using System.Text.Json;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>What other runs stand on is in the record, and comes back with it; see also held-checkpoint.txt.</summary>
public sealed class HoldingTests
{
    private static readonly CheckpointHold Adapters = new(4, "adapters".Run());

    private static readonly RunRecord Base = new()
    {
        Specification = Specifications.Sound with { Keep = 1 },
        CommittedStep = 8,
        Checkpoints = [Entry(4), Entry(8)],
    };

    [Fact]
    public void A_record_keeps_its_holds()
    {
        var read = Read(JsonSerializer.Serialize(Base with { Holds = [Adapters] }, SpecificationJson.Options));
        Assert.Equal([Adapters], read.Holds);
    }

    [Fact]
    public void A_record_of_an_older_version_has_none_and_takes_some()
    {
        var json = JsonSerializer.SerializeToNode(Base, SpecificationJson.Options)!.AsObject();
        Assert.True(json.Remove("holds"));
        var old = Read(json.ToJsonString());
        Assert.Empty(old.Holds);

        var (state, _) = RunMachine.Decide(new RunState(old), new HoldRequested(4, "hash4", Adapters.Run));
        Assert.Equal([Adapters], state.Record.Holds);
    }

    [Fact]
    public void A_store_that_was_lost_learns_from_the_disks_what_is_held()
    {
        var written = Base with { Holds = [Adapters] };
        var empty = new RunRecord { Specification = Base.Specification };
        var (begun, _) = RunMachine.Decide(new RunState(empty), new Started());
        var (state, commands) = RunMachine.Decide(
            begun, new CheckpointsFound([new FoundCheckpoint(Entry(8), written)]));
        Assert.Equal([Adapters], state.Record.Holds);
        Assert.Equal([Adapters], commands.OfType<PersistRecord>().Last().Record.Holds);
    }

    /// <summary>A silo that is away may hold the only copy of what the new catalogue does not name.</summary>
    [Fact]
    public void What_is_held_is_deleted_from_no_disk_even_if_the_catalogue_does_not_name_it()
    {
        var state = new RunState(Base with { Checkpoints = [Entry(8)], Holds = [Adapters] });
        var (_, commands) = RunMachine.Decide(
            state, new CheckpointWritten("a/0".Worker(), 12, "hash12", "/c/12", TimeSpan.Zero, "disk"));
        Assert.Equal([4L, 12L], Assert.Single(commands.OfType<DeleteCheckpoints>()).Kept);
    }

    [Fact]
    public void What_is_held_beyond_the_newest_does_not_make_expire_what_is_written_before_it()
    {
        var state = new RunState(Base with { Checkpoints = [Entry(2), Entry(3)], Holds = [new(9, "other".Run())] });
        var (_, commands) = RunMachine.Decide(
            state, new CheckpointWritten("a/0".Worker(), 6, "hash6", "/c/6", TimeSpan.Zero, "disk"));
        Assert.Equal([6L], Assert.Single(commands.OfType<DeleteCheckpoints>()).Kept);
    }

    private static CheckpointEntry Entry(long step) => new(step, $"hash{step}", "a".Silo(), $"/c/{step}", null, "disk");

    private static RunRecord Read(string json) =>
        JsonSerializer.Deserialize<RunRecord>(json, SpecificationJson.Options)!;
}

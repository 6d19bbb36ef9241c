using System.Text.Json;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>Which runs may be deleted, what is remembered of them, and what they may come back by.</summary>
public sealed class DeletionTests
{
    private static readonly CheckpointHold Adapters = new(4, "adapters".Run());

    private static readonly RunRecord Done = new()
    {
        Specification = Specifications.Sound with { Keep = 1 },
        Status = RunStatus.Completed,
        CommittedStep = 8,
        Lives = ["now", "before"],
        DeletedLives = ["first"],
        Checkpoints = [Entry(4), Entry(8)],
    };

    private static readonly RunSpecification Lora = Specifications.Sound with
    {
        Run = "adapters".Run(),
        Model = Specifications.Sound.Model with { Name = "run:run1", Sha256 = "hash4", Step = 4 },
        Trainable = TrainableParameters.Lora,
        Lora = new LoraOptions { Rank = 2, Alpha = 4 },
    };

    [Theory]
    [InlineData(RunStatus.Paused)]
    [InlineData(RunStatus.Completed)]
    [InlineData(RunStatus.Cancelled)]
    [InlineData(RunStatus.Failed)]
    [InlineData(RunStatus.EarlyStopped)]
    public void A_run_at_rest_is_forgotten_with_all_of_its_lives(RunStatus status)
    {
        var forget = Assert.IsType<ForgetRun>(Assert.Single(Decide(Done with { Status = status })));
        Assert.Equal(["first", "now", "before"], forget.DeletedLives);
    }

    [Theory]
    [InlineData(RunStatus.Queued)]
    [InlineData(RunStatus.Preparing)]
    [InlineData(RunStatus.Running)]
    public void One_that_is_not_stays(RunStatus status) => Assert.Empty(Decide(Done with { Status = status }));

    [Fact]
    public void One_that_another_stands_on_stays_until_it_is_given_up()
    {
        var held = new RunState(Done with { Holds = [Adapters] });
        Assert.Empty(RunMachine.Decide(held, new DeletionRequested("now")).Commands);
        var (released, commands) = RunMachine.Decide(held, new HoldReleased(4, "adapters".Run()));
        Assert.Empty(released.Record.Holds);
        Assert.Equal([8L], Assert.Single(commands.OfType<DeleteCheckpoints>()).Kept);
        Assert.IsType<ForgetRun>(Assert.Single(RunMachine.Decide(released, new DeletionRequested("now")).Commands));
    }

    /// <summary>People have seen one run; while they were asked, another one may have got its name.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("before")]
    [InlineData("first")]
    [InlineData("next")]
    public void One_that_is_not_meant_stays(string life) =>
        Assert.Empty(RunMachine.Decide(new RunState(Done), new DeletionRequested(life)).Commands);

    [Fact]
    public void What_is_given_up_twice_or_was_never_held_changes_nothing()
    {
        var state = new RunState(Done with { Holds = [Adapters] });
        Assert.Empty(RunMachine.Decide(state, new HoldReleased(4, "others".Run())).Commands);
        Assert.Empty(RunMachine.Decide(state, new HoldReleased(8, "adapters".Run())).Commands);
    }

    [Fact]
    public void A_run_of_an_older_version_has_one_life_without_a_name()
    {
        var json = JsonSerializer.SerializeToNode(Done, SpecificationJson.Options)!.AsObject();
        Assert.True(json.Remove("lives") && json.Remove("deleted_lives"));
        var old = JsonSerializer.Deserialize<RunRecord>(json.ToJsonString(), SpecificationJson.Options)!;
        Assert.Equal(RunRecord.UnnamedLife, old.Life);
        Assert.Equal([""], Assert.IsType<ForgetRun>(Assert.Single(Decide(old))).DeletedLives);
    }

    [Fact]
    public void Of_one_name_a_bounded_number_of_lives_is_remembered()
    {
        var many = Enumerable.Range(0, 3 * Deletion.RememberedLives).Select(life => $"{life}").ToArray();
        var forget = Assert.IsType<ForgetRun>(Assert.Single(Decide(Done with { DeletedLives = many })));
        Assert.Equal(Deletion.RememberedLives, forget.DeletedLives.Count);
        Assert.Equal(["now", "before"], forget.DeletedLives.TakeLast(2));
    }

    /// <summary>The same specification holds the same bits; what was deleted must not come back by that.</summary>
    [Fact]
    public void What_lies_on_a_disk_of_a_deleted_life_is_not_taken_over_and_no_copy()
    {
        var next = new RunRecord { Specification = Done.Specification, Lives = ["next"], DeletedLives = ["now"] };
        var begun = Begun(next);
        var (state, commands) = RunMachine.Decide(
            begun, new CheckpointsFound([new FoundCheckpoint(Entry(8), Done)]));
        Assert.Empty(state.Record.Checkpoints);
        Assert.Empty(commands);

        var own = begun with { Record = begun.Record with { Checkpoints = [Entry(8) with { Silo = "b".Silo() }] } };
        (state, _) = RunMachine.Decide(own, new CheckpointsFound([new FoundCheckpoint(Entry(8), Done)]));
        Assert.Empty(Assert.Single(state.Record.Checkpoints).Copies);
    }

    [Fact]
    public void Whose_checkpoints_a_run_takes_over_is_remembered()
    {
        var begun = Begun(new RunRecord { Specification = Done.Specification, Lives = ["next"] });
        var (state, _) = RunMachine.Decide(begun, new CheckpointsFound([new FoundCheckpoint(Entry(8), Done)]));
        Assert.Equal(["next", "now", "before"], state.Record.Lives);
        Assert.Equal("next", state.Record.Life);
    }

    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)]
    public void Adapters_stand_on_their_base_while_they_are_of_use(bool hasCheckpoint, bool mayGoOn, bool stands)
    {
        var other = new OtherRun(Lora, hasCheckpoint, mayGoOn);
        Assert.Equal(stands, Deletion.StandsOn(other, "run1".Run(), 4));
        Assert.False(Deletion.StandsOn(other, "run1".Run(), 8));
        Assert.False(Deletion.StandsOn(other, "run2".Run(), 4));
    }

    [Fact]
    public void A_run_that_trains_all_needs_its_base_until_it_has_a_checkpoint_of_its_own()
    {
        var all = Lora with { Trainable = TrainableParameters.All, Lora = null };
        Assert.True(Deletion.BeginsWith(new OtherRun(all, HasCheckpoint: false, MayGoOn: true), "run1".Run()));
        Assert.False(Deletion.BeginsWith(new OtherRun(all, HasCheckpoint: true, MayGoOn: true), "run1".Run()));
        Assert.False(Deletion.BeginsWith(new OtherRun(all, HasCheckpoint: false, MayGoOn: false), "run1".Run()));
        Assert.False(Deletion.StandsOn(new OtherRun(all, HasCheckpoint: true, MayGoOn: true), "run1".Run(), 4));
    }

    /// <summary>Older versions held nothing, and a store that was lost has forgotten what was held.</summary>
    [Fact]
    public void What_another_run_needs_is_kept_also_if_nobody_holds_it()
    {
        var adapters = new OtherRun(Lora, HasCheckpoint: true, MayGoOn: false);
        Assert.Contains("step 4", Deletion.ReasonToKeep(adapters, "adapters".Run(), "run1".Run()),
            StringComparison.Ordinal);
        Assert.Null(Deletion.ReasonToKeep(adapters, "adapters".Run(), "run2".Run()));
        Assert.Null(Deletion.ReasonToKeep(adapters with { HasCheckpoint = false }, "adapters".Run(), "run1".Run()));
        var all = new OtherRun(Lora with { Trainable = TrainableParameters.All, Lora = null }, false, MayGoOn: true);
        Assert.Contains("begin with", Deletion.ReasonToKeep(all, "all".Run(), "run1".Run()), StringComparison.Ordinal);
        Assert.Null(Deletion.ReasonToKeep(all with { HasCheckpoint = true }, "all".Run(), "run1".Run()));
    }

    [Theory]
    [InlineData("124M", "gpt2", true)]
    [InlineData("mine", "mine", true)]
    [InlineData("mine", "gpt2", false)]
    [InlineData("scratch:gpt2", "gpt2", false)]
    [InlineData("run:gpt2", "gpt2", false)]
    public void A_model_is_needed_by_the_runs_that_began_with_it(string began, string model, bool isNeeded)
    {
        var run = Specifications.Sound with { Model = Specifications.Sound.Model with { Name = began } };
        Assert.Equal(isNeeded, Deletion.NeedsModel(new OtherRun(run, HasCheckpoint: true, MayGoOn: true), model));
    }

    [Fact]
    public void A_run_that_is_over_needs_its_model_only_beside_what_it_trained()
    {
        var model = Specifications.Sound.Model with { Name = "mine" };
        var all = Specifications.Sound with { Model = model };
        Assert.False(Deletion.NeedsModel(new OtherRun(all, HasCheckpoint: true, MayGoOn: false), "mine"));
        var adapters = Lora with { Model = model };
        Assert.True(Deletion.NeedsModel(new OtherRun(adapters, HasCheckpoint: true, MayGoOn: false), "mine"));
        Assert.False(Deletion.NeedsModel(new OtherRun(adapters, HasCheckpoint: false, MayGoOn: false), "mine"));
    }

    [Fact]
    public void A_run_names_the_datasets_that_it_reads()
    {
        Assert.Equal([new string('a', 64)], Specifications.Sound.DatasetHashes());
        var validated = Specifications.Sound with
        {
            Dataset = Specifications.Sound.Dataset with { ValidationSha256 = "other" },
        };
        Assert.Equal([new string('a', 64), "other"], validated.DatasetHashes());
    }

    private static IReadOnlyList<RunCommand> Decide(RunRecord record) =>
        RunMachine.Decide(new RunState(record), new DeletionRequested(record.Life)).Commands;

    private static RunState Begun(RunRecord record) => RunMachine.Decide(new RunState(record), new Started()).State;

    private static CheckpointEntry Entry(long step) => new(step, $"hash{step}", "a".Silo(), $"/c/{step}", null, "disk");
}

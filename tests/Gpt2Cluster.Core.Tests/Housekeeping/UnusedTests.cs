using CsCheck;
using Gpt2Cluster.Core.Housekeeping;

namespace Gpt2Cluster.Core.Tests.Housekeeping;

/// <summary>What may go of a disk, and what stays whatever else is there.</summary>
public sealed class UnusedTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Age = TimeSpan.FromDays(7);
    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly string[] Lives = ["", "1", "2", "3"];
    private static readonly NamedThings Nothing = new(new HashSet<string>(), new HashSet<string>(), []);

    private static readonly Gen<StoredThing> Thing = Gen.Select(
        Gen.Enum<ThingKind>(),
        Of(Names),
        Of<string?>([null, .. Lives]),
        Gen.Int[0, 20],
        Gen.Bool,
        Of(Names).Array[0, 2])
    .Select((kind, name, life, days, isInUse, datasets) =>
    {
        var thing = new StoredThing(kind, name, $"/{kind}/{name}", 1, Now - TimeSpan.FromDays(days));
        return kind == ThingKind.Checkpoint
            ? thing with { Run = name, Life = life, Datasets = life is null ? [] : datasets }
            : thing with { IsInUse = isInUse };
    });

    private static readonly Gen<NamedThings> Named = Gen.Select(
        Of(Names).Array[0, 3],
        Of(Names).Array[0, 3],
        Gen.Select(Of(Names), Of(Lives).Array[1, 3]).Array[0, 3])
    .Select((runs, datasets, deleted) => new NamedThings(
        runs.ToHashSet(), datasets.ToHashSet(), [.. deleted.Select(one => new DeletedRun(one.Item1, one.Item2))]));

    private static readonly Gen<(StoredThing[] Things, NamedThings Named)> Disk =
        Gen.Select(Thing.Array[0, 12], Named);

    [Fact]
    public void A_dataset_that_a_run_names_stays_however_old_it_is() => Disk.Sample((things, named) =>
        Assert.DoesNotContain(
            Unused.Of(things, named, Now, TimeSpan.Zero),
            thing => thing.Kind == ThingKind.Dataset && named.Datasets.Contains(thing.Name)));

    [Fact]
    public void A_dataset_that_a_checkpoint_which_stays_names_stays() => Disk.Sample((things, named) =>
    {
        var unused = Unused.Of(things, named, Now, Age);
        var stays = things.Except(unused, ReferenceEqualityComparer.Instance).Cast<StoredThing>()
            .SelectMany(thing => thing.Datasets).ToHashSet();
        Assert.DoesNotContain(unused, thing => thing.Kind == ThingKind.Dataset && stays.Contains(thing.Name));
    });

    [Fact]
    public void What_was_used_within_the_age_or_is_in_use_stays_unless_people_have_deleted_it() =>
        Gen.Select(Disk, Gen.Int[0, 20]).Sample((disk, days) =>
        {
            var age = TimeSpan.FromDays(days);
            Assert.All(
                Unused.Of(disk.Things, disk.Named, Now, age).Where(thing => thing.Kind != ThingKind.Checkpoint),
                thing => Assert.True(!thing.IsInUse && Now - thing.UsedAt >= age));
        });

    /// <summary>The store may have been lost: nothing but a deletion says that a run is over.</summary>
    [Fact]
    public void A_checkpoint_goes_only_if_its_own_life_was_deleted_or_it_cannot_be_read_and_the_name_is_free() =>
        Disk.Sample((things, named) =>
        {
            var unused = Unused.Of(things, named, Now, TimeSpan.Zero);
            foreach (var checkpoint in things.Where(thing => thing.Kind == ThingKind.Checkpoint))
            {
                var deleted = named.Deleted.Where(run => run.Run == checkpoint.Run).SelectMany(run => run.Lives)
                    .Where(life => life.Length > 0).ToList();
                var isToGo = checkpoint.Life is { } life
                    ? deleted.Contains(life)
                    : deleted.Count > 0 && !named.Runs.Contains(checkpoint.Run!);
                Assert.Equal(isToGo, unused.Any(thing => ReferenceEquals(thing, checkpoint)));
            }
        });

    [Fact]
    public void Whatever_else_is_named_too_nothing_more_goes() => Gen.Select(Disk, Named).Sample((disk, more) =>
    {
        var wider = disk.Named with
        {
            Runs = disk.Named.Runs.Union(more.Runs).ToHashSet(),
            Datasets = disk.Named.Datasets.Union(more.Datasets).ToHashSet(),
        };
        var before = Unused.Of(disk.Things, disk.Named, Now, Age);
        Assert.Empty(Unused.Of(disk.Things, wider, Now, Age).Except(before, ReferenceEqualityComparer.Instance));
    });

    [Fact]
    public void Once_it_is_gone_nothing_follows() =>
        Disk.Sample((things, named) =>
        {
            var unused = Unused.Of(things, named, Now, Age);
            var left = things.Except(unused, ReferenceEqualityComparer.Instance).Cast<StoredThing>().ToList();
            Assert.Empty(Unused.Of(left, named, Now, Age));
        });

    [Fact]
    public void What_is_old_and_nobody_names_goes()
    {
        StoredThing[] things =
        [
            Old(ThingKind.Upload), Old(ThingKind.Dataset), Old(ThingKind.Remains), Old(ThingKind.Download),
        ];
        Assert.Equal(things, Unused.Of(things, Nothing, Now, Age));
    }

    [Fact]
    public void A_download_is_gone_on_with_for_a_week_also_when_people_ask()
    {
        var download = new StoredThing(ThingKind.Download, "a", "/a", 1, Now - TimeSpan.FromDays(6));
        Assert.Empty(Unused.Of([download], Nothing, Now, Unused.RequestedAge));
        Assert.Single(Unused.Of([Old(ThingKind.Download)], Nothing, Now, Unused.RequestedAge));
    }

    [Fact]
    public void A_dataset_stays_while_one_run_that_has_named_it_is_not_known_to_be_deleted()
    {
        var named = Nothing with { Cluster = "here", Deleted = [new DeletedRun("run1", ["1", ""])] };
        var over = new NamingRun("here", "run1", "1");
        Assert.Single(Unused.Of([By(over)], named, Now, Age));
        Assert.Empty(Unused.Of([By(over), By(over)], named, Now, Age + TimeSpan.FromSeconds(1)));
        NamingRun[] others =
        [
            over with { Cluster = "there" }, over with { Run = "run2" }, over with { Life = "2" },
            over with { Life = "" }, NamingRun.Read("what nobody writes"),
        ];
        Assert.All(others, other => Assert.Empty(Unused.Of([By(over, other)], named, Now, Age)));

        static StoredThing By(params NamingRun[] runs) => Old(ThingKind.Dataset) with { NamedBy = runs };
    }

    [Fact]
    public void While_a_checkpoint_cannot_be_read_it_stays_and_so_do_all_datasets()
    {
        var named = Nothing with { Deleted = [new DeletedRun("run1", ["1"])] };
        StoredThing[] things = [Checkpoint(null), Old(ThingKind.Dataset), Old(ThingKind.Upload)];
        Assert.Equal(things, Unused.Of(things, named, Now, Age));
        things[0] = things[0] with { IsUnreadable = true };
        Assert.Equal(things[2..], Unused.Of(things, named, Now, Age));
    }

    [Fact]
    public void For_ever_is_for_ever() =>
        Assert.Empty(Unused.Of([Old(ThingKind.Dataset), Old(ThingKind.Upload)], Nothing, Now, TimeSpan.MaxValue));

    [Fact]
    public void A_new_run_of_a_deleted_ones_name_keeps_its_checkpoints_and_its_dataset()
    {
        var named = new NamedThings(
            new HashSet<string> { "run1" }, new HashSet<string>(), [new DeletedRun("run1", ["old"])]);
        StoredThing[] things =
        [
            Checkpoint("old", "gone"), Checkpoint("new", "used"), Checkpoint(null),
            Old(ThingKind.Dataset) with { Name = "gone" }, Old(ThingKind.Dataset) with { Name = "used" },
        ];
        Assert.Equal([things[0], things[3]], Unused.Of(things, named, Now, Age));
    }

    /// <summary>All runs of the name in older versions have this life, also those that nobody deleted.</summary>
    [Fact]
    public void What_has_no_life_of_its_own_stays_whatever_was_deleted()
    {
        var named = new NamedThings(new HashSet<string>(), new HashSet<string>(), [new DeletedRun("run1", [""])]);
        Assert.Empty(Unused.Of([Checkpoint(""), Checkpoint(null)], named, Now, Age));
    }

    [Fact]
    public void What_cannot_be_read_now_stays()
    {
        var named = new NamedThings(new HashSet<string>(), new HashSet<string>(), [new DeletedRun("run1", ["old"])]);
        StoredThing[] things = [Checkpoint(null) with { IsUnreadable = true }, Checkpoint(null)];
        Assert.Equal([things[1]], Unused.Of(things, named, Now, Age));
    }

    private static Gen<T> Of<T>(T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);

    private static StoredThing Old(ThingKind kind) => new(kind, $"{kind}", $"/{kind}", 1, Now - Age);

    private static StoredThing Checkpoint(string? life, params string[] datasets) =>
        Old(ThingKind.Checkpoint) with { Run = "run1", Life = life, Datasets = datasets };
}

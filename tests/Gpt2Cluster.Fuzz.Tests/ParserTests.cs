using Gpt2Cluster.Fuzz.Running;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Tests;

/// <summary>Every parser by a few inputs; the campaigns of .ci/run and of people have the many.</summary>
public sealed class ParserTests
{
    private const int InputCount = 300;
    private const ulong Seed = 11;

    /// <summary>Those that a hang of a library cannot take along.</summary>
    public static TheoryData<string> Ours =>
        new(ParserTargets.All.Where(target => target.Owner == Owner.Ours).Select(target => target.Name));

    /// <summary>Those with a corpus.</summary>
    public static TheoryData<string> WithCorpus =>
        new(ParserTargets.All.Where(target => Corpus.FilesOf(target).Count > 0).Select(target => target.Name));

    public static TheoryData<string> Names => new(ParserTargets.All.Select(target => target.Name));

    /// <summary>Those whose seeds are sound in form only: shards that are not there.</summary>
    private static readonly string[] InForm = ["dataset-description"];

    /// <summary>Those that read what is no such file as nothing.</summary>
    private static readonly string[] Lenient = ["checkpoint-state", "provenance"];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_sound_file_is_read_and_none_is_a_fault(string name)
    {
        var target = ParserTargets.Named(name)[0];
        using var scratch = new Scratch();
        var trial = Trial.Of(target, scratch);
        var results = target.Seeds().DistinctBy(seed => seed.Bytes.Length).Select(seed => trial.Run(seed.Bytes, -1));
        var all = results.ToList();
        Assert.Empty(all.Select(result => result.Finding).OfType<Finding>());
        Assert.Equal(!InForm.Contains(name), all.Any(result => !result.IsRefused));
    }

    [Theory]
    [MemberData(nameof(Ours))]
    public void Damaged_files_are_read_or_refused_in_a_sentence(string name)
    {
        var target = ParserTargets.Named(name)[0];
        using var scratch = new Scratch();
        var trial = Trial.Of(target, scratch);
        var mutator = target.NewMutator();
        var refused = 0;
        for (var index = 0; index < InputCount; index++)
        {
            var result = trial.Run(mutator.Make(Seed, index), index);
            Assert.True(result.Finding is null, result.Finding?.Command(name, Seed) + result.Finding?.Words);
            Assert.True(result.AllocatedBytes <= Trial.MostBytes, $"{result.AllocatedBytes} bytes at {index}");
            refused += result.IsRefused ? 1 : 0;
        }

        Assert.InRange(refused, Lenient.Contains(name) ? 0 : 1, InputCount);
    }

    [Theory]
    [MemberData(nameof(WithCorpus))]
    public void What_was_not_survived_once_is_survived(string name) =>
        Assert.Empty(Corpus.Findings(ParserTargets.Named(name)[0])
            .Select(found => $"{Path.GetFileName(found.File)} {found.Finding.Words}"));
}

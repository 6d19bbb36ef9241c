using Gpt2Cluster.Core;
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

    [Theory]
    [MemberData(nameof(Names))]
    public void Sound_files_are_read(string name)
    {
        // A vocabulary of a few tokens is sound in form only.
        string[] partly = ["snappy", "tokenizer", "vocab", "merges", "dataset-description"];
        var target = ParserTargets.Named(name)[0];
        using var scratch = new Scratch();
        var read = target.Open(scratch);
        foreach (var seed in target.Seeds().DistinctBy(seed => seed.Bytes.Length).Take(4))
        {
            var problem = Record.Exception(() => read(seed.Bytes));
            if (problem is not null && partly.Contains(name))
                Assert.IsType<UserErrorException>(problem);
            else
                Assert.Null(problem);
        }
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

        Assert.InRange(refused, 1, InputCount);
    }

    [Theory]
    [MemberData(nameof(WithCorpus))]
    public void What_was_not_survived_once_is_survived(string name) =>
        Assert.Empty(Corpus.Findings(ParserTargets.Named(name)[0])
            .Select(found => $"{Path.GetFileName(found.File)} {found.Finding.Words}"));
}

using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Inspection;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Client.Tests.Inspection;

public sealed class CorpusHintsTests
{
    private static readonly RepeatedFile Repeated = new("b.txt", "a.txt", 3, 12_000);

    private static readonly RepeatReport Nothing = new(
        0, 0, DuplicatesAreExact: true, [], 0, 0, 50, 99, [], [], new ValidationOverlap(95_000, 5_000, 0, 0, []), null);

    private static readonly InspectedCorpus Clean = new(
        2,
        400_000,
        new CorpusStatistics(
            new TokenizedDataset(100_000, 5, "0123", []), 400_000, 100, new DocumentLength(60_000, "a.txt"),
            new DocumentLength(10, "b.txt")),
        1024,
        new ValidationSplit(95_000, 5_000),
        Nothing);

    [Fact]
    public void A_clean_corpus_that_was_measured_needs_none() => Assert.Empty(Advice(Clean, isMeasured: true));

    [Fact]
    public void Without_a_measurement_it_says_how_to_get_one() =>
        Assert.Contains("--model M times some steps", Assert.Single(Advice(Clean)), StringComparison.Ordinal);

    [Fact]
    public void Each_trouble_is_a_sentence_with_its_share_and_place()
    {
        AssertSays(
            Nothing with
            {
                DuplicateDocumentCount = 3,
                DuplicateTokenCount = 12_000,
                DuplicateFiles = [Repeated],
            },
            "12 % of the corpus are documents that stand in it before, word for word (most of them in b.txt, first in "
                + "a.txt)");
        AssertSays(
            Nothing with { PassageCount = 9, PassageTokenCount = 700, PassageFiles = [new("c.txt", "c.txt", 9, 700)] },
            "At least 0.7 % of the corpus are passages that stand in it before (most of them in c.txt)");
        AssertSays(
            Nothing with { Overlap = Nothing.Overlap! with { TokenCount = 1_500, Files = [Repeated] } },
            "At least 30 % of what validates is trained on as well (most of them in b.txt, first in a.txt)");
        AssertSays(Nothing with { Fault = "/tmp does not take the tokens" }, "/tmp does not take the tokens.");
        AssertSays(
            Nothing with
            {
                DuplicateDocumentCount = 3,
                DuplicateTokenCount = 12_000,
                DuplicateFiles = [Repeated],
                DuplicatesAreExact = false,
            },
            "At least 12 %");
    }

    [Fact]
    public void Little_is_no_trouble() => Assert.Empty(Advice(
        Clean with
        {
            Repeats = Nothing with
            {
                DuplicateDocumentCount = 1,
                DuplicateTokenCount = 20,
                PassageCount = 1,
                PassageTokenCount = 60,
                DuplicateFiles = [Repeated],
                PassageFiles = [Repeated],
            },
        },
        isMeasured: true));

    [Fact]
    public void A_short_corpus_and_one_in_another_script_are_told()
    {
        var facts = Clean.Facts with { Tokens = new TokenizedDataset(5_000, 1, "0", []), LoneByteCount = 600 };
        var said = Advice(
            Clean with
            {
                Facts = facts,
                Split = new ValidationSplit(5_000, 0),
                Repeats = Nothing with { Overlap = null },
            },
            isMeasured: false);
        Assert.Contains(said, line => line.StartsWith("Nothing validates", StringComparison.Ordinal));
        Assert.Contains(said, line => line.StartsWith("12 % of the tokens are single bytes", StringComparison.Ordinal));
        Assert.Contains(
            said, line => line.Contains("gpt2 takes 16 windows and the corpus has 5:", StringComparison.Ordinal));
    }

    [Fact]
    public void The_tables_of_a_corpus_and_of_a_cluster_are_drawn()
    {
        using var said = new Said();
        var tables = new CorpusTables(said.Output);
        tables.Show(
            Clean with
            {
                Repeats = Nothing with
                {
                    DuplicateFiles = [Repeated],
                    LongestPassages = [new RepeatedPassage(70, "b.txt", "a.txt", "\nThe sea\n\tsleeps")],
                },
            },
            [.. Presets.All.Select(preset => ModelCost.Of(preset, 100_000, _ => 95_000))]);
        tables.ShowCluster(JsonNode.Parse("""
            {"model": "gpt2", "train": "all", "precision": "fp32", "micro_batches": 8, "batch_size": 2,
             "sequence_length": 1024, "steps_per_epoch": 5.8, "memory_bytes": 7000000000, "advice": "One is enough.",
             "steps": [{"workers": 1, "silos": 1, "seconds": 2.5, "tokens_per_second": 6553.6,
                        "seconds_per_epoch": 14.5}]}
            """)!.AsObject());
        string[] lines =
        [
            "tokens        100,000, 4.00 bytes of text each",
            "validation    5,000 tokens, at least 0 % of it trained on",
            "b.txt               a.txt           3          12,000",
            "The sea sleeps    70      b.txt  a.txt",
            "1        1      2.500           6,554     0:15",
            "One is enough.",
        ];
        Assert.Empty(lines.Except(said.Results.Split('\n')));
        Assert.Contains("gpt2         98 of 1024  93", said.Results, StringComparison.Ordinal);
        Assert.Contains("6 steps an epoch; 7.0 GB a worker.\n", said.Results, StringComparison.Ordinal);
    }

    private static void AssertSays(RepeatReport repeats, string part) => Assert.Contains(
        part, Assert.Single(Advice(Clean with { Repeats = repeats }, isMeasured: true)), StringComparison.Ordinal);

    private static IReadOnlyList<string> Advice(InspectedCorpus corpus, bool isMeasured = false) => CorpusHints.Of(
        corpus,
        [.. Presets.All.Select(preset => ModelCost.Of(
            preset, corpus.Facts.Tokens.TokenCount, _ => corpus.Split.TrainingTokenCount))],
        isMeasured);
}

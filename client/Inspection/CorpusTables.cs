using System.Text.Json.Nodes;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Client.Inspection;

/// <summary>What <c>inspect</c> shows people.</summary>
/// <param name="output">Where.</param>
internal sealed class CorpusTables(ClientOutput output)
{
    private const int ShownFiles = 5;
    private const int ShownCharacters = 70;

    /// <summary>Shows a corpus, and what models would take for it.</summary>
    public void Show(InspectedCorpus corpus, IReadOnlyList<ModelCost> models)
    {
        output.Table(["corpus", ""], [.. Rows(corpus)]);
        Table(
            ["model", "windows", "to train on", "steps per epoch", "memory", "with adapters", "checkpoint"],
            [.. models.Select(Row)]);
        var repeats = corpus.Repeats;
        ShowFiles("repeated documents", "documents", repeats.DuplicateFiles);
        ShowFiles("repeated passages", "passages", repeats.PassageFiles);
        ShowFiles("validation that is trained on", "repeats", repeats.Overlap?.Files ?? []);
        if (repeats.LongestPassages.Count > 0)
        {
            Table(
                ["longest passages", "tokens", "in", "first in"],
                [.. repeats.LongestPassages.Take(ShownFiles).Select(passage => (string[])
                [
                    OneLine(passage.Text), Formats.Count(passage.TokenCount), passage.File, passage.FirstFile,
                ])]);
        }
    }

    /// <summary>Shows what a cluster was measured to do.</summary>
    /// <param name="cluster">The fields of <c>cluster</c>.</param>
    public void ShowCluster(JsonObject cluster)
    {
        Table(
            ["workers", "silos", "seconds a step", "tokens/s", "time per epoch"],
            [.. cluster["steps"]!.AsArray().Select(step => (string[])
            [
                $"{step!["workers"]}", $"{step["silos"]}", Formats.Loss(Number(step, "seconds")),
                Formats.Count(Number(step, "tokens_per_second")), Formats.Duration(Number(step, "seconds_per_epoch")),
            ])]);
        var memory = cluster["memory_bytes"] is { } bytes ? $"; {Formats.Bytes(bytes.GetValue<long>())} a worker" : "";
        var epoch = Formats.Count(Math.Ceiling(Number(cluster, "steps_per_epoch")));
        output.Result(
            $"{cluster["model"]}, {cluster["train"]}, {cluster["precision"]}, {cluster["micro_batches"]} x "
            + $"{cluster["batch_size"]} windows of {cluster["sequence_length"]} tokens: "
            + $"{epoch} steps an epoch{memory}.");
        if (cluster["advice"]?.ToString() is { Length: > 0 } sentence)
            output.Result(sentence);
    }

    private static double Number(JsonNode fields, string name) => fields[name]!.GetValue<double>();

    private static IEnumerable<IReadOnlyList<string>> Rows(InspectedCorpus corpus)
    {
        var (facts, repeats, split) = (corpus.Facts, corpus.Repeats, corpus.Split);
        yield return ["files", $"{Formats.Count(corpus.FileCount)}, {Formats.Bytes(corpus.FileBytes)}"];
        yield return ["documents", Formats.Count(facts.Tokens.DocumentCount)];
        yield return ["tokens", $"{Formats.Count(facts.Tokens.TokenCount)}, {Formats.Hundredths(facts.BytesPerToken)} "
            + $"bytes of text each"];
        yield return ["single bytes", $"{Formats.Percent(facts.LoneByteShare)} of the tokens"];
        yield return ["longest", $"{Formats.Several(facts.Longest.TokenCount, "token")}: {facts.Longest.Name}"];
        yield return ["shortest", $"{Formats.Several(facts.Shortest.TokenCount, "token")}: {facts.Shortest.Name}"];
        yield return ["duplicates", $"{(repeats.DuplicatesAreExact ? "" : "at least ")}"
            + $"{Formats.Several(repeats.DuplicateDocumentCount, "document")}, "
            + $"{Formats.Percent(corpus.ShareOf(repeats.DuplicateTokenCount))} of the tokens"];
        yield return ["passages", $"at least {Formats.Several(repeats.PassageCount, "repetition")}, "
            + $"{Formats.Percent(corpus.ShareOf(repeats.PassageTokenCount))} of the tokens, "
            + $"counted from {repeats.CountedTokens} tokens on{Certain(repeats)}"];
        yield return ["training", Formats.Several(split.TrainingTokenCount, "token")];
        yield return ["validation", Formats.Several(split.ValidationTokenCount, "token")
            + (repeats.Overlap is { } overlap ? $", at least {Formats.Percent(overlap.Share)} of it trained on" : "")];
    }

    private static string Certain(RepeatReport repeats) => repeats.CertainTokens is { } certain
        ? $"; of {certain} tokens or more none escapes"
        : "";

    private static string[] Row(ModelCost cost) =>
    [
        cost.Model, $"{Formats.Count(cost.WindowCount)} of {cost.SequenceLength}",
        Formats.Count(cost.TrainingWindowCount), Formats.Count(cost.StepsPerEpoch), Formats.Bytes(cost.MemoryBytes),
        Formats.Bytes(cost.AdapterMemoryBytes), Formats.Bytes(cost.CheckpointBytes),
    ];

    private void ShowFiles(string words, string counted, IReadOnlyList<RepeatedFile> files)
    {
        if (files.Count == 0)
            return;
        Table(
            [words, "stand first in", counted, "tokens"],
            [.. files.Take(ShownFiles).Select(file => (string[])
            [
                file.File, file.FirstFile, Formats.Count(file.Count), Formats.Count(file.TokenCount),
            ])]);
    }

    private void Table(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        output.Result("");
        output.Table(headers, rows);
    }

    private static string OneLine(string text)
    {
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= ShownCharacters ? line : line[..ShownCharacters].TrimEnd('\uD83C', '\uD83D', '\uD83E');
    }
}

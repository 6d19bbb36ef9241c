using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models.Exports;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.Exports;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model export MODEL OUT</c>: writes a model or a run's checkpoint for other programs.</summary>
internal sealed class ModelExportCommand : ClientCommand
{
    private readonly Argument<string> model = new("MODEL")
    {
        Description = "a name in the store, a directory, or run:NAME with @best, @last or @STEP behind it",
    };

    private readonly Argument<string> target = new("OUT")
    {
        Description = "the folder to write; for gguf also a file that ends in .gguf",
    };

    private readonly Option<string?> format = Values.Choice(
        "--format", "[default: hf]", [.. ExportFormats.All.Select(each => each.Word)]);

    private readonly Option<string?> type = Values.Choice(
        "--dtype", "the weights' type [default: the stored one; fp16 for gguf]", [.. WeightTypes.Words]);

    private readonly Option<bool> merged = Values.Flag(
        "--merged", "adapters become part of the weights, as they do unless --format is peft");

    private readonly Option<bool> overwrite = Values.Flag("--overwrite", "replaces an earlier export at OUT");

    /// <summary>Makes the command.</summary>
    public ModelExportCommand()
        : base(
            "export",
            "Writes a model or a run's checkpoint for other programs.",
            "model export run:run1@best ./my-gpt2")
    {
        Arguments.Add(model);
        Arguments.Add(target);
        foreach (var option in new Option[] { format, type, merged, overwrite })
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> MoreExamples =>
        ["model export run:run1 ./run1.gguf --format gguf --dtype q8_0"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = ExportName.Parse(context.Arguments.GetRequiredValue(model));
        var chosen = ExportFormats.Find(context.Arguments.GetValue(format) ?? ExportFormats.Default);
        var wanted = context.Arguments.GetValue(type) is { } word ? WeightTypes.Parse(word) : (WeightType?)null;
        if (wanted is { } asked && !chosen.Types.Contains(asked))
        {
            throw new UsageException(
                $"--dtype {asked.Word()} does not go with --format {chosen.Word}, which takes "
                + $"{string.Join(", ", chosen.Types.Select(each => each.Word()))}.");
        }

        if (context.Arguments.GetValue(merged) && chosen.IsAdapter)
            throw new UsageException("--merged does not go with --format peft, which keeps adapters apart.");
        var place = chosen.PlaceOf(context.Arguments.GetRequiredValue(target), name.FileName);
        chosen.Check(place, context.Arguments.GetValue(overwrite));
        if (context.Choices.Cluster is LocalAddress && name.Run is null)
        {
            using var local = new StoredFolders(context, null, place);
            return await Write(context, new ExportSource(null, local), name, chosen, place, cancellation);
        }

        await using var session = await ClusterSession.Open(context, cancellation);
        using var folders = new StoredFolders(context, session, place);
        return await Write(context, new ExportSource(session, folders), name, chosen, place, cancellation);
    }

    private async Task<int> Write(
        CommandContext context,
        ExportSource source,
        ExportName name,
        ExportFormat chosen,
        string place,
        CancellationToken cancellation)
    {
        var opened = await source.Open(name, cancellation);
        using var weights = opened.Weights;
        var used = context.Arguments.GetValue(type) is { } word
            ? WeightTypes.Parse(word)
            : chosen.DefaultType ?? weights.StoredType;
        if (chosen.IsAdapter && opened.Adapter is null)
        {
            throw new UserErrorException(
                $"{context.Arguments.GetRequiredValue(model)} has no adapters; --format peft is for runs of "
                + "--train lora:RANK and for adapters that were imported.");
        }

        var count = chosen.IsAdapter ? opened.Adapter!.Layout.Length : weights.Layout.Length;
        CheckDisk(context, place, used.Bytes(count));
        await ProgressBars.Run(context.Output, $"writing {place}", count, progress => Task.Run(
            () => chosen.Write(
                opened,
                new ExportRequest(place, used, context.Arguments.GetValue(overwrite))
                {
                    IsInFolder = place != context.Arguments.GetRequiredValue(target),
                    Progress = progress,
                    Cancellation = cancellation,
                }),
            cancellation));
        context.Output.Result(
            $"{place} holds {opened.Origin.Name} with {Formats.Count(count)} parameters in {used.Word()}");
        context.Output.Json(new JsonObject
        {
            ["model"] = opened.Origin.Name,
            ["step"] = opened.Origin.Step,
            ["path"] = place,
            ["format"] = chosen.Word,
            ["dtype"] = used.Word(),
            ["parameters"] = count,
        });
        return ExitCodes.Done;
    }

    private static void CheckDisk(CommandContext context, string place, long bytes)
    {
        var free = context.FreeDiskBytes(Path.GetDirectoryName(Path.GetFullPath(place)) ?? place);
        if (free < bytes)
        {
            throw new UserErrorException(
                $"The export takes {Formats.Bytes(bytes)}, and the disk of {place} has {Formats.Bytes(free)} left; "
                + "make room or name another place.");
        }
    }
}

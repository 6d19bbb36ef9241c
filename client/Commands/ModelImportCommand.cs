using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Data.Models;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model import PATH</c>: puts a model of any format, or adapters with theirs, into the store.</summary>
internal sealed class ModelImportCommand : ClientCommand
{
    private readonly Argument<string> path = new("PATH")
    {
        Description = "a folder of Hugging Face's (safetensors, pytorch_model.bin), OpenAI's (TensorFlow) or PEFT's",
    };

    private readonly Option<string?> name = Values.Text("--name", "N", "its name [default: the folder's]");

    private readonly Option<string?> baseModel = Values.Text(
        "--base", "M", "the model that adapters belong to [default: the one they name, of the store or the hub]");

    private readonly Option<string?> license = Values.Text(
        "--license", "TEXT", "recorded with the model and all that comes from it [default: what its card says]");

    private readonly Option<string?> author = Values.Text("--author", "TEXT", "recorded with the model");

    /// <summary>Makes the command.</summary>
    public ModelImportCommand()
        : base(
            "import",
            "Puts a model folder into the store, or adapters together with their model.",
            "model import ./my-gpt2 --name mine --license apache-2.0")
    {
        Arguments.Add(path);
        foreach (var option in new[] { name, baseModel, license, author })
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> MoreExamples => ["model import ./my-adapter --base gpt2"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var folder = context.Arguments.GetRequiredValue(path);
        var isAdapter = ModelFormats.IsAdapter(folder);
        if (context.Arguments.GetValue(baseModel) is not null && !isAdapter)
            throw new UsageException($"--base goes with a folder of adapters, and {folder} is none.");
        string stored;
        if (context.Choices.Cluster is LocalAddress && !(isAdapter && BeginsWithRun(context, folder)))
        {
            stored = await Import(context, null, folder, isAdapter, cancellation);
        }
        else
        {
            await using var session = await ClusterSession.Open(context, cancellation);
            stored = await Import(context, session, folder, isAdapter, cancellation);
        }

        context.Output.Result($"{stored} is in the store");
        context.Output.Json(new JsonObject { ["model"] = stored });
        return ExitCodes.Done;
    }

    /// <summary>Where a run's checkpoints lie is known to its cluster only.</summary>
    private bool BeginsWithRun(CommandContext context, string folder) =>
        ModelNames.RunOf(AdapterImport.BaseOf(folder, context.Arguments.GetValue(baseModel)).Split('@')[0]) is not null;

    private Task<string> Import(
        CommandContext context,
        ClusterSession? session,
        string folder,
        bool isAdapter,
        CancellationToken cancellation)
    {
        var arguments = context.Arguments;
        var wanted = arguments.GetValue(name);
        var claim = new OriginClaim(arguments.GetValue(license), arguments.GetValue(author));
        return isAdapter
            ? new AdapterImport(context, session).Run(
                folder, wanted, arguments.GetValue(baseModel), claim, cancellation)
            : new ModelTransfers(context, session).Import(folder, wanted, claim, cancellation);
    }
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model import PATH</c>: puts a model of any format into the store.</summary>
internal sealed class ModelImportCommand : ClientCommand
{
    private readonly Argument<string> path = new("PATH")
    {
        Description = "a folder of Hugging Face's (safetensors, pytorch_model.bin) or OpenAI's (TensorFlow)",
    };

    private readonly Option<string?> name = Values.Text("--name", "N", "its name [default: the folder's]");

    /// <summary>Makes the command.</summary>
    public ModelImportCommand()
        : base("import", "Puts a model folder into the store.", "model import ./my-gpt2 --name mine")
    {
        Arguments.Add(path);
        Options.Add(name);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var (folder, wanted) = (context.Arguments.GetRequiredValue(path), context.Arguments.GetValue(name));
        string stored;
        if (context.Choices.Cluster is LocalAddress)
        {
            stored = await new ModelTransfers(context, null).Import(folder, wanted, cancellation);
        }
        else
        {
            await using var session = await ClusterSession.Open(context, cancellation);
            stored = await new ModelTransfers(context, session).Import(folder, wanted, cancellation);
        }

        context.Output.Result($"{stored} is in the store");
        context.Output.Json(new JsonObject { ["model"] = stored });
        return ExitCodes.Done;
    }
}

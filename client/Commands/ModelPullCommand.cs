using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model pull NAME</c>: fetches a model from the hub, or from OpenAI, into the store.</summary>
internal sealed class ModelPullCommand : ClientCommand
{
    private readonly Argument<string> name = new("NAME")
    {
        Description = "gpt2, gpt2-medium, gpt2-large or gpt2-xl; hf:OWNER/MODEL; openai:124M",
    };

    /// <summary>Makes the command.</summary>
    public ModelPullCommand()
        : base(
            "pull",
            "Fetches a model from the Hugging Face hub (HF_ENDPOINT, HF_TOKEN) or OpenAI; goes on where it broke off.",
            "model pull gpt2") => Arguments.Add(name);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var typed = context.Arguments.GetRequiredValue(name);
        string model;
        if (context.Choices.Cluster is LocalAddress)
        {
            model = await new ModelTransfers(context, null).Pull(typed, cancellation);
        }
        else
        {
            await using var session = await ClusterSession.Open(context, cancellation);
            model = await new ModelTransfers(context, session).Pull(typed, cancellation);
        }

        context.Output.Result($"{model} is in the store");
        context.Output.Json(new JsonObject { ["model"] = model });
        return ExitCodes.Done;
    }
}

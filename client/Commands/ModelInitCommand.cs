using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>model init PRESET OUT</c>: writes fresh weights as a Hugging Face folder.</summary>
internal sealed class ModelInitCommand : ClientCommand
{
    private readonly Argument<string> preset = new("PRESET")
    {
        Description = "tiny, gpt2, gpt2-medium, gpt2-large or gpt2-xl",
    };

    private readonly Argument<string> target = new("OUT") { Description = "the folder to write; must not exist yet" };

    private readonly Option<long?> seed = Values.WholeNumber("--seed", "of the weights [default: 1]");

    /// <summary>Makes the command.</summary>
    public ModelInitCommand()
        : base("init", "Writes a model with fresh weights.", "model init tiny ./my-tiny --seed 7")
    {
        Arguments.Add(preset);
        Arguments.Add(target);
        Options.Add(seed);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var (name, folder) = (context.Arguments.GetRequiredValue(preset), context.Arguments.GetRequiredValue(target));
        var key = (ulong)(context.Arguments.GetValue(seed) ?? 1);
        var found = Presets.Find(name) ?? throw new UserErrorException(
            $"There is no preset '{name}'; choose one of {string.Join(", ", Presets.All.Select(each => each.Name))}.");
        var layout = new ParameterLayout(found.Shape);
        await ProgressBars.Run(context.Output, $"writing {folder}", layout.Length, progress => Task.Run(
            () => ModelFolderWriter.Write(
                folder,
                layout,
                (start, into) => WeightInitialization.Fill(layout, key, start, into),
                origin: new Origin
                {
                    Name = ModelReference.ScratchPrefix + found.Name,
                    Seed = key,
                    Software = Software.Name,
                },
                progress: progress,
                cancellation: cancellation),
            cancellation));
        context.Output.Result($"{folder} holds {found.Name} with {layout.Length:N0} fresh parameters");
        context.Output.Json(new JsonObject { ["model"] = folder, ["parameters"] = layout.Length });
        return ExitCodes.Done;
    }
}

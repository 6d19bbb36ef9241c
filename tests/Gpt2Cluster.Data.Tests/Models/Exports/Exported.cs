using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.Exports;

/// <summary>Models that tests export.</summary>
internal static class Exported
{
    /// <summary>A shape with GPT-2's vocabulary, small otherwise.</summary>
    public static readonly ModelShape Small = new(50257, 16, 32, 2, 2);

    /// <summary>Where the models say they come from.</summary>
    public static readonly Origin Origin = new()
    {
        Name = "run:r",
        Run = "r",
        Step = 7,
        Loss = 2.5,
        Datasets = [new DatasetOrigin(new string('a', 64), "verses: \"one\".txt", "training")],
        Base = new Origin { Name = "gpt2", License = "mit", Author = "OpenAI" },
    };

    /// <summary>The golden model of 512 tokens.</summary>
    public static ExportedModel Golden() => Of(ModelFolder.Open(Tests.Golden.Path("numerics")));

    /// <summary>Fresh weights.</summary>
    public static ExportedModel Fresh(ModelShape? shape = null) => Of(new ScratchModel(shape ?? Small, 5));

    /// <summary>A model with the built-in vocabulary.</summary>
    public static ExportedModel Of(IModelReader weights) => new(weights, Gpt2Vocabulary.BuiltIn, Origin);

    /// <summary>All of its parameters.</summary>
    public static float[] All(IModelReader model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
    }
}

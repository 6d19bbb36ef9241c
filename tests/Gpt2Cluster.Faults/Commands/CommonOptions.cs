using System.CommandLine;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>Options of more than one command.</summary>
internal static class CommonOptions
{
    private const int DefaultSteps = 1000;

    /// <summary>Steps of a run; the undisturbed run is trained first.</summary>
    public static Option<int> Steps { get; } = new("--steps")
    {
        Description = "steps of each run; a new one begins when it ends",
        DefaultValueFactory = _ => DefaultSteps,
    };

    /// <summary>What runs train.</summary>
    public static Option<string> Train { get; } = new("--train")
    {
        Description = "what runs train: all, transformer-layers or lora:RANK",
        DefaultValueFactory = _ => "all",
    };
}

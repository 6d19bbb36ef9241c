using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Faults.Training;

/// <summary>
/// What every run here trains: a model whose steps take some tens of milliseconds, with everything on that a step
/// boundary may hold, so that every point is reached every few steps.
/// </summary>
/// <param name="Steps">Steps of a run.</param>
/// <param name="Train">What is trained, as <c>--train</c> names it.</param>
internal sealed record RunPlan(int Steps, string Train = "all")
{
    /// <summary>Micro-batches of a step: some for each of three workers, and not as many for each.</summary>
    public const int MicroBatchCount = 10;

    /// <summary>Steps between checkpoints; every one is compared with the undisturbed run.</summary>
    public const int SaveEvery = 10;

    /// <summary>The words behind <c>train</c>.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="model">The model's folder.</param>
    public IReadOnlyList<string> Words(string run, string model) =>
    [
        "train", Repository.Verses, "--run", run, "--model", model, "--json", "--steps", $"{Steps}",
        "--batch-size", "1", "--micro-batches", $"{MicroBatchCount}", "--sequence-length", "32", "--dropout", "0.1",
        "--precision", "fp32", "--threads-per-worker", "1", "--learning-rate", "1e-3", "--save-every",
        $"{SaveEvery}", "--keep", "3", "--val-every", "14", "--sample-every", "9", "--sample-num", "3",
        "--sample-length", "4", "--train", Train, .. Train == "all" ? Array.Empty<string>() : ["--lora-dropout", "0.1"],
    ];
}

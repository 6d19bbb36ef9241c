using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>
/// A local cluster that stays for all tests of a collection, with one finished run of a small model: <c>told</c>.
/// </summary>
public sealed class Cluster : IDisposable
{
    /// <summary>Steps of the run.</summary>
    public const int Steps = 6;

    /// <summary>Starts it and trains.</summary>
    public Cluster()
    {
        Model = SmallModel.Write(Path.Combine(Folder.Path, "small"));
        Ok(["submit", .. Told]);
        Events = Ok("watch", "told", "--json");
    }

    internal TestFolder Folder { get; } = new();

    /// <summary>The model's folder; its context is 32 tokens.</summary>
    internal string Model { get; }

    /// <summary>What watching the run showed.</summary>
    internal ClientProcess Events { get; }

    /// <summary>The run's words behind <c>train</c> or <c>submit</c>.</summary>
    internal string[] Told =>
    [
        Repository.Verses, "--run", "told", "--model", Model, "--steps", $"{Steps}", "--batch-size", "1",
        "--micro-batches", "2", "--threads-per-worker", "1", "--precision", "fp32", "--sample-every", "2",
        "--sample-num", "2", "--sample-length", "8", "--val-every", "3", "--save-every", "2", "--keep", "2",
        "--license", "CC-BY-4.0", "--author", "the tests",
    ];

    /// <summary>Runs a command that must succeed.</summary>
    internal ClientProcess Ok(params string[] arguments) => Ends(0, arguments);

    /// <summary>Runs a command that must end with an exit code.</summary>
    internal ClientProcess Ends(int code, params string[] arguments)
    {
        var client = ClientProcess.Run(Folder, arguments);
        Assert.True(client.WaitForExit() == code, $"{string.Join(' ', arguments)}\n{client.Said}");
        return client;
    }

    /// <summary>The one object that a command prints with --json.</summary>
    internal JsonElement Json(params string[] arguments) =>
        JsonDocument.Parse(Ok([.. arguments, "--json"]).Output).RootElement;

    /// <summary>Runs a command that is refused with one sentence, maybe beside the line that names --help.</summary>
    /// <returns>The sentence.</returns>
    internal string Refused(int code, params string[] arguments)
    {
        var client = Ends(code, [.. arguments, "--quiet"]);
        Assert.Equal("", client.Output.Trim());
        return Assert.Single(
            client.Errors.TrimEnd('\n').Split('\n'),
            line => !line.StartsWith("Try 'gpt2cluster ", StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ok("stop");
        Folder.AssertNobodyIsLeft();
        Events.Dispose();
        Folder.Dispose();
    }
}

using Gpt2Cluster.Client.Output;

namespace Gpt2Cluster.Client.Tests;

/// <summary>An output that keeps what was said.</summary>
internal sealed class Said : IDisposable
{
    private readonly StringWriter results = new() { NewLine = "\n" };
    private readonly StringWriter messages = new() { NewLine = "\n" };

    public Said(bool isJson = false, bool isQuiet = false) => Output = new ClientOutput(results, messages)
    {
        IsJson = isJson,
        IsQuiet = isQuiet,
    };

    public ClientOutput Output { get; }

    public string Results => results.ToString();

    public string Remarks => messages.ToString();

    public void Dispose()
    {
        results.Dispose();
        messages.Dispose();
    }
}

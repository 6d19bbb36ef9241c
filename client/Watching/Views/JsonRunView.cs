using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>Every event as it was received, one a line.</summary>
internal sealed class JsonRunView(ClientOutput output) : IRunView
{
    /// <inheritdoc/>
    public void Show(string line, RunEvent? runEvent) => output.JsonLine(line);

    /// <inheritdoc/>
    public void Note(string sentence) => output.Detail(sentence);
}

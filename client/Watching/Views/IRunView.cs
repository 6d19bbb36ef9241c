using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>How a run is shown while it is watched.</summary>
internal interface IRunView
{
    /// <summary>One event of the run.</summary>
    /// <param name="line">The event as it was received.</param>
    /// <param name="runEvent">The event read; null if it is of a kind this client does not know.</param>
    void Show(string line, RunEvent? runEvent);

    /// <summary>A word of the client's own.</summary>
    void Note(string sentence);
}

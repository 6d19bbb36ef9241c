using Gpt2Cluster.Faults.Commands;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>
/// The undisturbed run and the clusters, shared by all tests; at the end the last bits are compared too.
/// </summary>
public sealed class SharedStages : IDisposable
{
    /// <summary>Steps of a run.</summary>
    private const int Steps = 300;

    internal Stages Stages { get; } = new(Steps, _ => { });

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Stages.Finish();
        }
        finally
        {
            Stages.Dispose();
        }
    }
}

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// The coordinator's brain: a pure function from what is known and what was heard to what is to be done.
/// </summary>
public static class RunMachine
{
    /// <summary>Decides.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="heard">What was heard.</param>
    /// <returns>What is known now, and what is to be done, in order.</returns>
    public static (RunState State, IReadOnlyList<RunCommand> Commands) Decide(RunState state, RunEvent heard)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(heard);
        return (state with { Now = heard.At }, []);
    }
}

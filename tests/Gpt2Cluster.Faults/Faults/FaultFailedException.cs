namespace Gpt2Cluster.Faults.Faults;

/// <summary>How a fault was not survived.</summary>
internal enum Failure
{
    /// <summary>The run did not go on within the deadline.</summary>
    Hung,

    /// <summary>A state hash is not the undisturbed run's.</summary>
    Mismatch,

    /// <summary>A committed step was lost, told twice or never, or the client did not outlive it.</summary>
    Broken,
}

/// <summary>A run did not survive a fault; the message says what was expected and where the logs lie.</summary>
/// <param name="kind">How.</param>
/// <param name="message">What.</param>
internal sealed class FaultFailedException(Failure kind, string message) : Exception(message)
{
    /// <summary>How.</summary>
    public Failure Kind => kind;
}

namespace Gpt2Cluster.Core.Ports;

/// <summary>Places where tests of faults strike; each is named by what happens next there.</summary>
public enum FaultPoint
{
    /// <summary>The coordinator sends a worker its part of a step.</summary>
    Planning,

    /// <summary>A worker runs a micro-batch forward.</summary>
    Forward,

    /// <summary>A worker runs a micro-batch backward through the blocks.</summary>
    Backward,

    /// <summary>A worker hands a finished range of a sum to the exchange.</summary>
    Contributing,

    /// <summary>A worker has all averages and has not applied them.</summary>
    Averaged,

    /// <summary>A worker has applied the step and has not reported it.</summary>
    Applied,

    /// <summary>The coordinator stores the record that commits a step.</summary>
    Committing,

    /// <summary>The record is stored; nobody was told yet.</summary>
    Committed,

    /// <summary>A worker copies its replica for a checkpoint.</summary>
    Snapshot,

    /// <summary>A checkpoint's files are written, and it is flushed and published.</summary>
    Fsync,

    /// <summary>A checkpoint of the same step is out of the way, and the new one takes its name.</summary>
    Rename,

    /// <summary>A worker that joins asks for ranges of the replica.</summary>
    StateTransfer,

    /// <summary>A worker draws a sample.</summary>
    Sampling,

    /// <summary>A worker validates its part.</summary>
    Validation,
}

/// <summary>
/// Lets a test of faults strike exactly where it wants to. Nothing listens outside such tests: a point then costs one
/// comparison with null.
/// </summary>
public static class FaultPoints
{
    private static Action<FaultPoint, long>? listener;

    /// <summary>Takes a listener in place of the last one.</summary>
    /// <param name="reached">
    /// Told the point and the step, on the thread that is there; that thread goes on when it returns. Null for nobody.
    /// </param>
    public static void Listen(Action<FaultPoint, long>? reached) => Volatile.Write(ref listener, reached);

    /// <summary>The calling thread is at a point.</summary>
    /// <param name="point">The point.</param>
    /// <param name="step">The step it belongs to.</param>
    public static void Reach(FaultPoint point, long step) => listener?.Invoke(point, step);
}

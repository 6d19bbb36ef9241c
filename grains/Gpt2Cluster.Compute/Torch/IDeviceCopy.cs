namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Copies of flat tensors on their device, which stay as they are while it computes on. On any thread, by one reader at
/// a time, also after the backend was disposed.
/// </summary>
internal interface IDeviceCopy : IDisposable
{
    /// <summary>Copies elements to the host and waits for them; they are there until the next call.</summary>
    /// <param name="index">Which tensor.</param>
    /// <param name="start">The first element.</param>
    /// <param name="count">How many, as <see cref="Core.Ports.IReplicaSnapshot.MostElements"/> at most.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor, or is longer.</exception>
    ReadOnlySpan<float> Read(int index, long start, int count);
}

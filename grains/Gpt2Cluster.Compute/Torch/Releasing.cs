namespace Gpt2Cluster.Compute.Torch;

/// <summary>What a device is asked before memory that it may still use is given back.</summary>
internal static class Releasing
{
    /// <summary>
    /// Waits, or has the device wait. One that has failed uses no memory any more, and what it answers was told where
    /// it was asked to compute: here it would only keep back what is to be freed.
    /// </summary>
    public static void After(Action wait)
    {
        try
        {
            wait.Invoke();
        }
        catch (InvalidOperationException)
        {
            // As ICopyDriver says of a device that has failed.
        }
    }
}

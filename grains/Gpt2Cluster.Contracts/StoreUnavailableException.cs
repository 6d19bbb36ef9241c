namespace Gpt2Cluster.Contracts;

/// <summary>
/// The store could not be read or written: it is away, busy or full. A silo makes it of whatever the store's library
/// throws, as others know no exception of that library. It is an exception of Orleans, so that Orleans leaves it as it
/// is where a grain's record cannot be read.
/// </summary>
[GenerateSerializer, Alias("gpt2.store-unavailable.v1")]
public sealed class StoreUnavailableException : OrleansException
{
    /// <summary>Makes an exception without a reason; prefer the other.</summary>
    public StoreUnavailableException()
        : this("The store does not answer.")
    {
    }

    /// <summary>Makes an exception with a reason. It has no cause, whose type a caller may not have.</summary>
    public StoreUnavailableException(string message)
        : base(message)
    {
    }
}

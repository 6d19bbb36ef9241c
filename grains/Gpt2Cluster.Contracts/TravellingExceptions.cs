using Orleans.Serialization;

namespace Gpt2Cluster.Contracts;

/// <summary>What becomes of an exception that a call meets on another silo.</summary>
public static class TravellingExceptions
{
    /// <summary>
    /// Lets every exception be sent. Orleans sends those of its own, of .NET and of Azure; in place of another, such as
    /// the store's when it is away, the caller would get one that says that no codec is known.
    /// </summary>
    public static void Configure(ExceptionSerializationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.SupportedExceptionTypeFilter = _ => true;
    }
}

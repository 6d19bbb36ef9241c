using Newtonsoft.Json.Converters;
using Newtonsoft.Json.Serialization;
using Orleans.Serialization;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// The form in which grains' records lie in the store, beyond what Orleans does by itself. Earlier versions read and
/// wrote the same one.
/// </summary>
public static class RecordForm
{
    /// <summary>Enumerations are words, such as <c>early_stopped</c>.</summary>
    public static void Configure(OrleansJsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.JsonSerializerSettings.Converters.Add(new StringEnumConverter(new SnakeCaseNamingStrategy()));
    }
}

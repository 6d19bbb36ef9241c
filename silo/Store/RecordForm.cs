using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Cluster;
using Newtonsoft.Json;
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
    /// <summary>Enumerations are words, such as <c>early_stopped</c>; dictionaries by names are by texts.</summary>
    public static void Configure(OrleansJsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var converters = options.JsonSerializerSettings.Converters;
        converters.Add(new StringEnumConverter(new SnakeCaseNamingStrategy()));
        converters.Add(new ByName<RunName, RunEntry, RunEntry>(entry => entry, entry => entry));
        converters.Add(new ByName<RunName, string[], string[]>(lives => lives, lives => lives));
        converters.Add(new ByName<WorkerId, RunName, string>(run => run.ToString(), RunName.Parse));
    }

    /// <summary>Orleans stores the type of a dictionary beside it: that of one by texts.</summary>
    private sealed class ByName<TName, TValue, TStored>(Func<TValue, TStored> store, Func<TStored, TValue> read)
        : JsonConverter<Dictionary<TName, TValue>>
        where TName : struct, IName<TName>
    {
        public override void WriteJson(
            JsonWriter writer, Dictionary<TName, TValue>? value, JsonSerializer serializer) =>
            serializer.Serialize(writer, value?.ToDictionary(pair => pair.Key.ToString(), pair => store(pair.Value)));

        public override Dictionary<TName, TValue>? ReadJson(
            JsonReader reader,
            Type objectType,
            Dictionary<TName, TValue>? existingValue,
            bool hasExistingValue,
            JsonSerializer serializer) =>
            serializer.Deserialize<Dictionary<string, TStored>>(reader)?
                .ToDictionary(pair => TName.Parse(pair.Key), pair => read(pair.Value));
    }
}

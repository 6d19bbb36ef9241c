using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans;

namespace Gpt2Cluster.Core;

/// <summary>
/// A record that is stored as JSON. A newer version may have stored more of it than this one knows: that is not looked
/// at, and is stored again with all that changes, so that going back to an older version and forth loses nothing.
/// </summary>
[GenerateSerializer, Immutable, Alias("gpt2.stored-record.v1")]
public abstract record StoredRecord
{
    /// <summary>
    /// The members that this version does not know; null for none, as mostly. They travel and are stored as JSON only.
    /// </summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Unknown { get; init; }

    /// <summary>The paths of what this version does not know, in this record and in those it is made of.</summary>
    public IEnumerable<string> UnknownPaths() => PathsIn(this, "");

    /// <summary>Whether both say the same as far as this version knows.</summary>
    public virtual bool Equals(StoredRecord? other) => other is not null && EqualityContract == other.EqualityContract;

    /// <inheritdoc/>
    public override int GetHashCode() => EqualityContract.GetHashCode();

    private static IEnumerable<string> PathsIn(object? value, string prefix) => value switch
    {
        StoredRecord record =>
        [
            .. (record.Unknown?.Keys ?? []).Select(name => prefix + name),
            .. from property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
               where property.CanWrite && property.Name != nameof(Unknown)
               let name = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)
               from path in PathsIn(property.GetValue(record), $"{prefix}{name}.")
               select path,
        ],
        IEnumerable<StoredRecord> records => records.SelectMany(record => PathsIn(record, prefix)),
        _ => [],
    };
}

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

    /// <summary>Whether both say the same as far as this version knows.</summary>
    public virtual bool Equals(StoredRecord? other) => other is not null && EqualityContract == other.EqualityContract;

    /// <inheritdoc/>
    public override int GetHashCode() => EqualityContract.GetHashCode();
}

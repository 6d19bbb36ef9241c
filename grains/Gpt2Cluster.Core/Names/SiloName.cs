using System.ComponentModel;
using System.Text.Json.Serialization;
using Orleans;

namespace Gpt2Cluster.Core.Names;

/// <summary>The name of a silo: not empty, and without the slash that keys are put together with.</summary>
[Immutable]
[JsonConverter(typeof(NameJsonConverter<SiloName>))]
[TypeConverter(typeof(NameTypeConverter<SiloName>))]
public readonly record struct SiloName : IName<SiloName>
{
    private readonly string? text;

    private SiloName(string text) => this.text = text;

    /// <inheritdoc/>
    public static SiloName Parse(string text) => string.IsNullOrEmpty(text) || text.Contains('/')
        ? throw new UserErrorException($"A silo's name is not empty and holds no '/'; '{text}' is none.")
        : new SiloName(text);

    /// <inheritdoc/>
    public override string ToString() => Names.Given<SiloName>(text);
}

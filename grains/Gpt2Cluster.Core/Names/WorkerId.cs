using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Serialization;
using Orleans;

namespace Gpt2Cluster.Core.Names;

/// <summary>A worker: one device of one silo, written as <c>SILO/DEVICE</c>.</summary>
/// <param name="Silo">The silo's name.</param>
/// <param name="Device">The device's index there.</param>
[Immutable]
[JsonConverter(typeof(NameJsonConverter<WorkerId>))]
[TypeConverter(typeof(NameTypeConverter<WorkerId>))]
public readonly record struct WorkerId(SiloName Silo, int Device) : IName<WorkerId>
{
    /// <inheritdoc/>
    public static WorkerId Parse(string text)
    {
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        return slash > 0 && int.TryParse(
            text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var device)
            ? new WorkerId(SiloName.Parse(text![..slash]), device)
            : throw new UserErrorException(
                $"A worker is named by a silo and the number of a device, as in silo/0; '{text}' is none.");
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Silo}/{Device}";
}

using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.Core.Names;

/// <summary>
/// What names something: a value of its own kind here, and its text wherever it is written, stored or sent.
/// </summary>
public interface IName<TSelf>
    where TSelf : struct, IName<TSelf>
{
    /// <summary>Reads a name.</summary>
    /// <exception cref="UserErrorException">It is none; the message says why.</exception>
    static abstract TSelf Parse(string text);

    /// <summary>The text.</summary>
    /// <exception cref="InvalidOperationException">It is the default value, which names nothing.</exception>
    string ToString();
}

/// <summary>The guard of names' default values.</summary>
internal static class Names
{
    /// <summary>A name's text; throws if it was never given one.</summary>
    public static string Given<TName>(string? text)
        where TName : struct, IName<TName> =>
        text ?? throw new InvalidOperationException($"A {typeof(TName).Name} is used that names nothing.");
}

/// <summary>Writes a name as a JSON string.</summary>
public sealed class NameJsonConverter<TName> : JsonConverter<TName>
    where TName : struct, IName<TName>
{
    /// <inheritdoc/>
    public override TName Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        try
        {
            return TName.Parse(reader.GetString() ?? "");
        }
        catch (UserErrorException exception)
        {
            throw new JsonException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, TName value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.ToString());
    }
}

/// <summary>Turns a name into its text and back for whoever asks the type, as the store's serializer does.</summary>
public sealed class NameTypeConverter<TName> : TypeConverter
    where TName : struct, IName<TName>
{
    /// <inheritdoc/>
    public override bool CanConvertFrom(ITypeDescriptorContext? context, Type sourceType) =>
        sourceType == typeof(string);

    /// <inheritdoc/>
    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
        TName.Parse((string)value);
}

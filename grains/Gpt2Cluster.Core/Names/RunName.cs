using System.ComponentModel;
using System.Text.Json.Serialization;
using Orleans;

namespace Gpt2Cluster.Core.Names;

/// <summary>
/// The name of a run: letters, digits, <c>.</c>, <c>_</c>, <c>-</c>, at most <see cref="MaxLength"/>; begins with a
/// letter or digit. So it is a safe file name and a safe grain key.
/// </summary>
[Immutable]
[JsonConverter(typeof(NameJsonConverter<RunName>))]
[TypeConverter(typeof(NameTypeConverter<RunName>))]
public readonly record struct RunName : IName<RunName>
{
    /// <summary>Characters at most.</summary>
    public const int MaxLength = 64;

    private readonly string? text;

    private RunName(string text) => this.text = text;

    /// <inheritdoc/>
    public static RunName Parse(string text) =>
        Error(text) is { } error ? throw new UserErrorException(error) : new RunName(text);

    /// <summary>What is wrong with a name, in one sentence; null if it is a run name.</summary>
    public static string? Error(string? text)
    {
        const string rule = "use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit";
        if (string.IsNullOrEmpty(text))
            return $"The run's name is empty; {rule}.";
        if (text.Length > MaxLength)
            return $"The run's name has {text.Length} characters; {rule}.";
        foreach (var character in text)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '_' or '-'))
                return $"The run's name '{text}' contains '{character}'; {rule}.";
        }

        return char.IsAsciiLetterOrDigit(text[0]) ? null : $"The run's name '{text}' begins with '{text[0]}'; {rule}.";
    }

    /// <inheritdoc/>
    public override string ToString() => Names.Given<RunName>(text);
}

using System.CommandLine;
using Gpt2Cluster.Core;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>
/// A file of options in YAML: one mapping of an option's name without its dashes to its value, or to a list of values.
/// It is read event by event and refuses nesting at once, so that no file of any form takes more than its own size.
/// </summary>
internal static class ConfigurationFile
{
    /// <summary>The option that names it.</summary>
    public const string OptionName = "--config";

    private const int MostBytes = 1 << 20;
    private const int LongestName = 100;

    /// <summary>The option, for the commands that take it.</summary>
    public static Option<string?> NewOption() => Values.Text(
        OptionName, "FILE", "options in YAML, each by its name without dashes; what is typed wins");

    /// <summary>The words behind which the file's options are added: those that were typed are left out.</summary>
    /// <param name="words">The words as typed.</param>
    /// <param name="result">The same, parsed.</param>
    /// <returns>The words themselves where no file is named.</returns>
    /// <exception cref="UserErrorException">The file cannot be read, or an option in it is unknown.</exception>
    public static string[] Expanded(string[] words, ParseResult result)
    {
        var command = result.CommandResult.Command;
        if (command.Options.OfType<Option<string?>>().FirstOrDefault(option => option.Name == OptionName) is not { } own
            || result.GetResult(own) is not { Errors: var errors } || errors.Any()
            || result.GetValue(own) is not { Length: > 0 } path)
        {
            return words;
        }

        var options = command.Options.Where(option => option != own && !option.Hidden)
            .ToDictionary(option => option.Name.TrimStart('-'), StringComparer.Ordinal);
        var added = new List<string>();
        foreach (var (name, values) in Read(path))
        {
            if (!options.TryGetValue(name.Replace('_', '-'), out var option))
                throw Unknown(path, name, options.Keys);
            if (result.GetResult(option) is null or { Implicit: true })
                added.AddRange(Words(path, option, values));
        }

        // Before the typed words' own end of options, behind which everything is an argument.
        var end = Array.IndexOf(words, "--");
        return end < 0 ? [.. words, .. added] : [.. words[..end], .. added, .. words[end..]];
    }

    /// <summary>The names and their values, in the file's order.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or is no such mapping.</exception>
    internal static IReadOnlyList<(string Name, IReadOnlyList<string> Values)> Read(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes })
                throw Wrong(path, $"has more than {MostBytes} bytes");
            using var reader = new StreamReader(path);
            return Read(path, new Parser(reader));
        }
        catch (YamlException problem)
        {
            throw Wrong(path, $"is no YAML in line {problem.Start.Line}: {problem.Message.TrimEnd('.')}");
        }
        catch (IOException problem)
        {
            throw new UserErrorException($"{OptionName} cannot be read: {problem.Message}");
        }
        catch (Exception problem) when (problem is InvalidOperationException or ArgumentException or FormatException
            or IndexOutOfRangeException or NullReferenceException or OverflowException)
        {
            // The library has no exception of its own for some of what is no YAML.
            throw Wrong(path, "is no YAML");
        }
    }

    private static List<(string Name, IReadOnlyList<string> Values)> Read(string path, Parser events)
    {
        var found = new List<(string Name, IReadOnlyList<string> Values)>();
        events.Consume<StreamStart>();
        if (!events.TryConsume<DocumentStart>(out _))
            return found; // Nothing, or remarks alone.
        if (!events.TryConsume<MappingStart>(out _))
        {
            if (events.TryConsume<Scalar>(out var alone) && alone.Value.Length == 0)
                return found;
            throw Wrong(path, "is no list of 'name: value' lines");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        while (!events.TryConsume<MappingEnd>(out _))
        {
            var name = ScalarOf(path, events);
            if (name.Value.Length > LongestName)
                throw Wrong(path, $"has a name of {name.Value.Length} characters in line {name.Start.Line}, which is "
                    + "no option's");
            if (!names.Add(name.Value))
                throw Wrong(path, $"names {name.Value} twice, again in line {name.Start.Line}");
            found.Add((name.Value, ValuesOf(path, events)));
        }

        events.Consume<DocumentEnd>();
        if (!events.TryConsume<StreamEnd>(out _))
            throw Wrong(path, "has more than one document");
        return found;
    }

    private static List<string> ValuesOf(string path, Parser events)
    {
        if (!events.TryConsume<SequenceStart>(out _))
            return [ScalarOf(path, events).Value];
        var values = new List<string>();
        while (!events.TryConsume<SequenceEnd>(out _))
            values.Add(ScalarOf(path, events).Value);
        return values;
    }

    private static Scalar ScalarOf(string path, Parser events) => events.TryConsume<Scalar>(out var scalar)
        ? scalar
        : throw Wrong(path, $"has neither a value nor a list of values in line {events.Current!.Start.Line}");

    private static IEnumerable<string> Words(string path, Option option, IReadOnlyList<string> values)
    {
        if (option.Arity.MaximumNumberOfValues == 0)
        {
            return values switch
            {
                ["true" or "on" or "yes"] => [option.Name],
                ["false" or "off" or "no"] => [],
                _ => throw Wrong(path, $"gives {option.Name.TrimStart('-')} another value than true or false"),
            };
        }

        // An option that is given once takes its list behind commas.
        return option.Arity.MaximumNumberOfValues == 1
            ? [$"{option.Name}={string.Join(',', values)}"]
            : values.Select(value => $"{option.Name}={value}");
    }

    private static UserErrorException Unknown(string path, string name, IEnumerable<string> known)
    {
        var nearest = known.MinBy(one => Distance(one, name.Replace('_', '-')))!;
        return Wrong(path, $"names '{name}', which is no option; the nearest is '{nearest}'");
    }

    private static UserErrorException Wrong(string path, string what) => new($"The configuration {path} {what}.");

    /// <summary>Letters to insert, delete or exchange (Levenshtein 1966).</summary>
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var (diagonal, _) = (row[0], row[0] = i);
            for (var j = 1; j <= to.Length; j++)
            {
                var exchanged = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(exchanged, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}

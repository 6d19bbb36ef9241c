using System.CommandLine;
using System.Globalization;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>
/// Looks at the words before they are parsed: underscores in option names become dashes, and a word that looks like an
/// option but is none of the command's is refused, where the parser would take it for a value.
/// </summary>
internal static class Tokens
{
    private const string EndOfOptions = "--";

    /// <summary>The words with every known option spelled with dashes.</summary>
    public static string[] WithDashes(IReadOnlyList<string> words, Command root)
    {
        var known = OptionNames(root).ToHashSet(StringComparer.Ordinal);
        var isOption = true;
        return [.. words.Select(word =>
        {
            isOption &= word != EndOfOptions;
            var (name, rest) = Split(word);
            var dashed = name.Replace('_', '-');
            return isOption && name.StartsWith("--", StringComparison.Ordinal) && known.Contains(dashed)
                ? dashed + rest
                : word;
        })];
    }

    /// <summary>The sentence that refuses the first unknown option; null if there is none.</summary>
    public static string? UnknownOption(IReadOnlyList<string> words, Command command, Command root)
    {
        var known = command.Options.Concat(root.Options).SelectMany(Names).ToHashSet(StringComparer.Ordinal);
        var names = words.TakeWhile(word => word != EndOfOptions).Select(word => Split(word).Name).ToList();
        var index = names.FindIndex(name => LooksLikeAnOption(name) && !known.Contains(name));
        if (index < 0)
            return null;
        var unknown = names[index];
        var before = command.Options.FirstOrDefault(option => index > 0 && Names(option).Contains(names[index - 1]));
        var isValue = before is { Arity.MaximumNumberOfValues: > 0 } && words[index - 1] == names[index - 1];
        if (isValue && !unknown.StartsWith("--", StringComparison.Ordinal))
        {
            return $"'{unknown}' is not an option of '{FullName(command)}'; if it is the value of {before!.Name}, "
                + $"write {before.Name}='{words[index]}'";
        }

        if (command == root)
            return $"'{unknown}' is not an option";
        var instead = OtherPrograms.InsteadOf(FullName(command), unknown) is { } place ? $"; here: {place}" : "";
        return $"'{unknown}' is not an option of '{FullName(command)}'{instead}";
    }

    /// <summary>The words that name the command.</summary>
    public static string FullName(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand
            ? $"{FullName(parent)} {command.Name}"
            : command.Name;

    private static bool LooksLikeAnOption(string name) =>
        name.Length > 1 && name[0] == '-'
        && !double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    private static (string Name, string Tail) Split(string word)
    {
        var equals = word.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? (word, "") : (word[..equals], word[equals..]);
    }

    private static IEnumerable<string> OptionNames(Command command) =>
        command.Options.SelectMany(Names).Concat(command.Subcommands.SelectMany(OptionNames));

    private static IEnumerable<string> Names(Option option) => option.Aliases.Prepend(option.Name);
}

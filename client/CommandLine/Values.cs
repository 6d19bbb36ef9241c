using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>Makes options whose bad values are refused in one sentence that names the option.</summary>
internal static class Values
{
    /// <summary>A whole number, 0 or more.</summary>
    public static Option<long?> WholeNumber(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
                return value;
            result.AddError($"{name} takes a whole number that is 0 or more, not '{text}'");
            return null;
        },
    };

    /// <summary>A whole number, 1 or more.</summary>
    public static Option<long?> PositiveNumber(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0)
                return value;
            result.AddError($"{name} takes a whole number of 1 or more, not '{text}'");
            return null;
        },
    };

    /// <summary>A number.</summary>
    public static Option<double?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && double.IsFinite(value))
                return value;
            result.AddError($"{name} takes a number, not '{text}'");
            return null;
        },
    };

    /// <summary>Any text; it must not be empty.</summary>
    public static Option<string?> Text(string name, string valueName, string description) => new(name)
    {
        Description = description,
        HelpName = valueName,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (text.Length == 0)
                result.AddError($"{name} takes a value that is not empty");
            return text;
        },
    };

    /// <summary>Any text, the empty one included.</summary>
    public static Option<string?> FreeText(string name, string valueName, string description) => new(name)
    {
        Description = description,
        HelpName = valueName,
    };

    /// <summary>A text that may be given several times.</summary>
    public static Option<string[]> Texts(string name, string description, bool mayBeEmpty) => new(name)
    {
        Description = description,
        HelpName = "TEXT",
        CustomParser = result =>
        {
            string[] texts = [.. result.Tokens.Select(token => token.Value)];
            if (!mayBeEmpty && texts.Contains(""))
                result.AddError($"{name} takes a value that is not empty");
            return texts;
        },
    };

    /// <summary>One of a few words.</summary>
    public static Option<string?> Choice(string name, string description, params string[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join("|", words),
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (Array.IndexOf(words, text) < 0)
                result.AddError($"{name} takes {string.Join(", ", words[..^1])} or {words[^1]}, not '{text}'");
            return text;
        },
    };

    /// <summary><c>--train</c>: what is trained.</summary>
    public static Option<TrainingScope?> Train(string description) => new("--train")
    {
        Description = description,
        HelpName = "all|transformer-layers|lora:RANK",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (TrainingScope.Parse(text) is { } scope)
                return scope;
            result.AddError($"--train takes {TrainingScope.Forms}, not '{text}'");
            return null;
        },
    };

    /// <summary>A number of workers: <c>N</c> or <c>MIN..MAX</c>.</summary>
    public static Option<WorkerBounds?> Workers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N|MIN..MAX",
        CustomParser = result => ParseWorkers(name, result),
    };

    /// <summary>A micro-batch's windows: a whole number or <c>auto</c>.</summary>
    public static Option<BatchSize?> BatchSize(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "auto|N",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (CommandLine.BatchSize.Parse(text) is { } size)
                return size;
            result.AddError($"{name} takes a whole number of 1 or more, or auto, not '{text}'");
            return null;
        },
    };

    /// <summary><c>--mix</c>: datasets and their proportions; it may be given several times.</summary>
    public static Option<MixedPath[]> Mix(string description) => new("--mix")
    {
        Description = description,
        HelpName = "A=3,B=1",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result =>
        {
            var parts = new List<MixedPath>();
            foreach (var token in result.Tokens)
            {
                if (MixList.Read(token.Value, parts) is { } problem)
                    result.AddError(problem);
            }

            return [.. parts];
        },
    };

    /// <summary>On when it is there.</summary>
    public static Option<bool> Flag(string name, string description) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.Zero,
    };

    private static WorkerBounds? ParseWorkers(string name, ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (WorkerBounds.TryParse(text, out var bounds))
            return bounds;
        result.AddError($"{name} takes a number of 1 or more, or MIN..MAX, not '{text}'");
        return null;
    }
}

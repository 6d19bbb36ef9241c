using System.Text.RegularExpressions;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>
/// The torch backend hands arithmetic and copies to libtorch through one class, which counts them. Our own methods
/// begin with a capital letter and TorchSharp's do not, so that every call of the backend's other files which begins
/// with a small one must be a view, an allocation or a word of the language.
/// </summary>
public sealed partial class TorchOperatorTests
{
    private const string Folder = "grains/Gpt2Cluster.Compute/Torch/";

    private static readonly string[] Counting = ["TorchOperators.cs", "TorchFunctions.cs", "TorchSwitches.cs"];

    private static readonly HashSet<string> Allowed =
    [
        "narrow", "view", "transpose", "select", "empty", "no_grad", "synchronize",
        "if", "for", "foreach", "while", "switch", "using", "nameof", "typeof", "sizeof", "checked", "base", "this",
        "new", "return", "is", "and", "or", "in",
    ];

    [Fact]
    public void Only_the_counting_class_calls_libtorchs_arithmetic()
    {
        var files = Repository.SourceFiles
            .Where(file => file.StartsWith(Folder, StringComparison.Ordinal))
            .Where(file => !Counting.Contains(Path.GetFileName(file)))
            .ToList();
        Assert.Contains(Folder + "TorchKernels.cs", files);
        Assert.Empty(
            from file in files
            from line in Repository.Lines(file).Select((text, index) => (Text: text.Split("//")[0], Number: index + 1))
            where ArithmeticOfTensors().IsMatch(line.Text)
                || SmallCall().Matches(line.Text).Any(call => !Allowed.Contains(call.Groups[1].Value))
            select $"{file}:{line.Number}: {line.Text.Trim()}");
    }

    // TorchSharp makes a number of its own for each of these that is not given one, and nobody holds that.
    [Fact]
    public void Every_number_that_libtorch_is_given_is_held()
    {
        var files = Repository.SourceFiles
            .Where(file => file.StartsWith("grains/Gpt2Cluster.Compute/", StringComparison.Ordinal)).ToList();
        Assert.Contains("grains/Gpt2Cluster.Compute/Memory/HeldNumber.cs", files);
        Assert.Empty(
            from file in files
            from line in Repository.Lines(file).Select((text, index) => (Text: text.Split("//")[0], Number: index + 1))
            where TakesNumber().IsMatch(line.Text) && !TakesHeldNumber().IsMatch(line.Text)
            select $"{file}:{line.Number}: {line.Text.Trim()}");
    }

    [GeneratedRegex(@"\.(add|sub|mul|div|fill|pow|eq|ne|ge|gt|le|lt)_?\(|(?<![\w.""])(full|full_like|arange)\(")]
    private static partial Regex TakesNumber();

    // A tensor alone is fine where it has no factor: in products, quotients and TorchSharp's differences.
    [GeneratedRegex(@"\b(number|held|factor|step|by)\b|\.(mul|div|sub)_?\([a-z]\)|torch\.")]
    private static partial Regex TakesHeldNumber();

    [GeneratedRegex(@"(?<![A-Za-z0-9_])([a-z_][A-Za-z0-9_]*)\(")]
    private static partial Regex SmallCall();

    [GeneratedRegex(@"\.Tensor\s+[-+*/]\s|\s[-+*/]\s\w+\.Tensor\b")]
    private static partial Regex ArithmeticOfTensors();
}

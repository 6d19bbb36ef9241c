using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>The parser's help page, then the command's remarks and its example.</summary>
/// <param name="standard">The parser's help page.</param>
internal sealed class HelpPage(HelpAction standard) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        var code = WriteStandard(parseResult, output);
        switch (parseResult.CommandResult.Command)
        {
            case ClientCommand command:
                if (command.Remarks.Length > 0)
                    output.WriteLine(command.Remarks + Environment.NewLine);
                output.WriteLine(command.MoreExamples.Count == 0 ? "Example:" : "Examples:");
                foreach (var example in command.MoreExamples.Prepend(command.Example))
                    output.WriteLine($"  gpt2cluster {example}");
                break;
            case RootCommand:
                output.WriteLine($"Example:{Environment.NewLine}  gpt2cluster {TrainExample}");
                break;
            case var group:
                foreach (var command in group.Subcommands.OfType<ClientCommand>())
                    output.WriteLine($"Example:{Environment.NewLine}  gpt2cluster {command.Example}");
                break;
        }

        return code;
    }

    // The parser names the program after its file.
    private int WriteStandard(ParseResult parseResult, TextWriter output)
    {
        using var page = new StringWriter();
        parseResult.InvocationConfiguration.Output = page;
        try
        {
            return standard.Invoke(parseResult);
        }
        finally
        {
            parseResult.InvocationConfiguration.Output = output;
            output.Write(page.ToString().Replace(
                $"  {RootCommand.ExecutableName} ", "  gpt2cluster ", StringComparison.Ordinal));
        }
    }

    private const string TrainExample = "train deploy/quickstart/verses.txt --model scratch:tiny --silos 2";
}

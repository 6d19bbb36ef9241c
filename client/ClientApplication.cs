using System.CommandLine;
using System.CommandLine.Invocation;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Watching;
using Gpt2Cluster.Core;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client;

/// <summary>From the words on the command line to the exit code.</summary>
internal static class ClientApplication
{
    /// <summary>This program, as another process of it is started.</summary>
    public static ProgramStart Program => ProgramStart.Of(typeof(ClientApplication).Assembly);

    /// <summary>Runs one command.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> Run(IReadOnlyList<string> words)
    {
        using var interrupts = new Interrupts();
        var output = ClientOutput.OfProcess(
            words.Contains("--json"), words.Contains("--quiet"), words.Contains("--verbose"));
        return await Run(words, output, TimeProvider.System, DataFolder.FreeDiskBytes, interrupts.First);
    }

    /// <summary>Runs one command.</summary>
    /// <param name="words">The words behind the program's name.</param>
    /// <param name="output">Where words go.</param>
    /// <param name="time">The clock.</param>
    /// <param name="freeDiskBytes">Tells the free bytes of a folder's disk.</param>
    /// <param name="interrupted">Cancelled by Ctrl+C.</param>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static async Task<int> Run(
        IReadOnlyList<string> words,
        ClientOutput output,
        TimeProvider time,
        Func<string, long> freeDiskBytes,
        CancellationToken interrupted)
    {
        try
        {
            return await Answer(words, output, time, freeDiskBytes, interrupted);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Standard output cannot take the reason; a program that reads it sees the exit code.
            output.Aside($"The output cannot be written: {problem.Message}");
            return ExitCodes.Failed;
        }
    }

    private static async Task<int> Answer(
        IReadOnlyList<string> words,
        ClientOutput output,
        TimeProvider time,
        Func<string, long> freeDiskBytes,
        CancellationToken interrupted)
    {
        var tree = new CommandTree();
        var typed = Tokens.WithDashes(words, tree.Root);
        var result = Parse(tree, typed);
        if (IsPage(result))
            return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        try
        {
            typed = ConfigurationFile.Expanded(typed, result);
            result = Parse(tree, typed);
        }
        catch (UserErrorException problem)
        {
            return UsageError(output, problem.Message, result);
        }

        if (tree.UsageError(typed, result) is { } sentence)
            return UsageError(output, sentence, result);
        try
        {
            var command = (ClientCommand)result.CommandResult.Command;
            var context = new CommandContext(result, tree.Common.Read(result), output, time, freeDiskBytes);
            return await command.Run(context, interrupted);
        }
        catch (UsageException problem)
        {
            return UsageError(output, problem.Message, result);
        }
        catch (UserErrorException problem) when (IsAboutAnOption(problem))
        {
            return UsageError(output, problem.Message, result);
        }
        catch (UserErrorException problem)
        {
            output.Error(problem.Message);
            return ExitCodes.BadInput;
        }
        catch (ClientException problem)
        {
            output.Error(problem.Message);
            output.Detail(problem.ToString());
            return problem.ExitCode;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            output.WriteMessage("interrupted");
            return ExitCodes.Interrupted;
        }
        catch (UnauthorizedAccessException problem)
        {
            output.Error($"{problem.Message} Name another place, or let this user read and write there.");
            output.Detail(problem.ToString());
            return ExitCodes.BadInput;
        }
        catch (Exception problem)
        {
            output.Error($"The command failed: {problem.Message} (--verbose tells more)");
            output.Detail(problem.ToString());
            return ExitCodes.Failed;
        }
    }

    private static ParseResult Parse(CommandTree tree, IReadOnlyList<string> words) =>
        tree.Root.Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });

    /// <summary>
    /// Whether an option's value is the mistake, whoever finds it: the sentence about it begins with the option.
    /// </summary>
    private static bool IsAboutAnOption(UserErrorException problem) =>
        problem.Message.StartsWith("--", StringComparison.Ordinal);

    /// <summary>Whether the parser itself shows something: the help page or the version.</summary>
    private static bool IsPage(ParseResult result) => result.Action is not (null or ParseErrorAction);

    private static int UsageError(ClientOutput output, string sentence, ParseResult result)
    {
        var command = result.CommandResult.Command;
        var name = command is RootCommand ? "" : Tokens.FullName(command) + " ";
        output.Error(sentence, $"Try 'gpt2cluster {name}--help'.");
        return ExitCodes.BadInput;
    }
}

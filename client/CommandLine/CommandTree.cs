using System.CommandLine;
using System.CommandLine.Help;
using Gpt2Cluster.Client.Commands;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>All commands.</summary>
internal sealed class CommandTree
{
    /// <summary>Makes them.</summary>
    public CommandTree()
    {
        Root = new RootCommand("Fine-tunes GPT-2 on a text, on one machine or many.");
        foreach (var option in Common.All)
        {
            option.Recursive = true;
            Root.Options.Add(option);
        }

        Command[] commands =
        [
            new TrainCommand(), new SubmitCommand(), new WatchCommand(), new ShowCommand(), new RunsCommand(),
            new WorkersCommand(), new SamplesCommand(), .. RunRequestCommand.All(),
            new DeleteCommand(), new StopCommand(), new GenerateCommand(), new EvalCommand(), new EncodeCommand(),
            new InspectCommand(),
            Group("model", "The model store.", new ModelListCommand(), new ModelShowCommand(),
                new ModelPullCommand(),
                new ModelImportCommand(),
                new ModelExportCommand(),
                new ModelInitCommand(),
                new ModelDeleteCommand()),
            Group("bench", "Measurements.", new BenchStepCommand(), new BenchExchangeCommand(),
                new BenchGenerateCommand()),
            new ProvenanceCommand(), new PruneCommand(), new DoctorCommand(), new SuperviseCommand(),
            new ReadDocumentsCommand(),
        ];
        foreach (var command in commands)
            Root.Subcommands.Add(command);
        foreach (var option in Root.Options.OfType<HelpOption>())
            option.Action = new HelpPage((HelpAction)option.Action!);
    }

    /// <summary>The root of the tree.</summary>
    public RootCommand Root { get; }

    /// <summary>The options every command takes.</summary>
    public CommonOptions Common { get; } = new();

    /// <summary>The sentence that refuses the words; null if they make a command.</summary>
    public string? UsageError(IReadOnlyList<string> words, ParseResult result)
    {
        var command = result.CommandResult.Command;
        // Options behind a command that is misspelt are not the mistake.
        if (command is not ClientCommand && result.UnmatchedTokens is [var misspelt, ..] && !misspelt.StartsWith('-'))
            return $"'{misspelt}' is not a command.";
        if (Tokens.UnknownOption(words, command, Root) is { } unknown)
            return unknown + ".";
        if (result.UnmatchedTokens is [var surplus, ..])
        {
            return command is ClientCommand
                ? $"'{surplus}' is one word too many for '{Tokens.FullName(command)}'."
                : $"'{surplus}' is not a command.";
        }

        if (result.Errors is [var error, ..])
            return Sentence(error.Message);
        return command is ClientCommand ? null : "A command is missing.";
    }

    private static string Sentence(string message) => message.TrimEnd('.') + ".";

    private static Command Group(string name, string description, params ClientCommand[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
            group.Subcommands.Add(command);
        return group;
    }
}

using System.CommandLine;
using System.Diagnostics;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Commands;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Sources.Documents;

namespace Gpt2Cluster.Client.Training;

/// <summary>The options that say how a dataset's files are read; every command that takes a dataset has them.</summary>
internal sealed class SourceChoices
{
    private readonly Option<string?> encoding = Values.Text(
        "--encoding", "NAME", "of texts without a byte-order mark, such as windows-1252 [default: utf-8]");

    private readonly Option<string?> textField = Values.Text(
        "--text-field", "NAME", "the field or column that holds the texts [default: text]");

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [encoding, textField];

    /// <summary>What was typed; warnings go to the command's output.</summary>
    /// <param name="context">The command's.</param>
    /// <param name="rendered">Told the texts of OpenAI's records.</param>
    /// <exception cref="Core.UserErrorException">Nobody knows the encoding.</exception>
    public SourceOptions Read(CommandContext context, Action<string>? rendered = null) => new()
    {
        Encoding = context.Arguments.GetValue(encoding) is { } name ? TextEncodings.Named(name) : null,
        TextField = context.Arguments.GetValue(textField),
        Warn = context.Output.Warn,
        Rendered = rendered ?? (_ => { }),
        Process = new DocumentProcess(ReaderStart),
    };

    /// <summary>This client, as a process that reads documents.</summary>
    internal static ProcessStartInfo ReaderStart()
    {
        var client = ClientApplication.Program;
        var start = new ProcessStartInfo(client.FileName);
        foreach (var argument in client.Arguments.Append(ReadDocumentsCommand.Word))
            start.ArgumentList.Add(argument);
        return start;
    }
}

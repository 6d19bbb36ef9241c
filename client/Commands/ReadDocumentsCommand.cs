using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Data.Sources.Documents;

namespace Gpt2Cluster.Client.Commands;

/// <summary>The process that reads PDF, Word and their like; started by the client, not by people.</summary>
internal sealed class ReadDocumentsCommand : ClientCommand
{
    /// <summary>Its name.</summary>
    public const string Word = "read-documents";

    /// <summary>Makes the command.</summary>
    public ReadDocumentsCommand()
        : base(Word, "Reads documents for the client itself, within limits on memory and time.", Word) => Hidden = true;

    /// <inheritdoc/>
    public override Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        using var requests = Console.OpenStandardInput();
        using var answers = Console.OpenStandardOutput();
        DocumentServer.Serve(requests, answers);
        return Task.FromResult(ExitCodes.Done);
    }
}

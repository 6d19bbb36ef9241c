using System.Diagnostics;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Commands;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Sources.Documents;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>The readers behind which libraries parse, in this process and as the client has them.</summary>
internal static class DocumentTargets
{
    private static readonly (string Name, Func<IReadOnlyList<Seed>> Seeds, IReadOnlyList<string> Words)[] Kinds =
    [
        ("docx", SourceSeeds.Word, [.. Vocabularies.Markup, "<w:p>", "<w:r>", "<w:t>", "</w:t>", "w:val", "<w:br/>",
            "rId1", "Target=", "word/document.xml", "<w:footnote>", "<mc:AlternateContent>"]),
        ("pdf", SourceSeeds.Pdf, Vocabularies.Pdf),
        ("epub", SourceSeeds.Epub,
            [.. Vocabularies.Markup, "full-path", "idref", "href", "../", "%2e", "OPS/book.opf"]),
        ("html", SourceSeeds.Html, Vocabularies.Markup),
        ("parquet", SourceSeeds.Parquet, []),
    ];

    /// <summary>How long a process may say nothing.</summary>
    public static TimeSpan Silence { get; } = TimeSpan.FromSeconds(30);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        .. Kinds.Select(kind => SourceTargets.OfSource(
            kind.Name, "." + kind.Name, kind.Seeds, kind.Words, Owner.Library)),
        new("yaml", Owner.Library, SourceSeeds.Yaml, ReadConfiguration)
        {
            Words = Vocabularies.Yaml,
            FileName = "run.yaml",
        },
        .. Kinds.Select(kind => new ParserTarget(
            kind.Name + ParserTargets.ProcessSuffix,
            Owner.Process,
            kind.Seeds,
            scratch => ReadInProcess(scratch, "." + kind.Name))
        {
            Words = kind.Words,
            FileName = "a." + kind.Name,
        }),
    ];

    private static Reading ReadConfiguration(Scratch scratch)
    {
        var tree = new CommandTree();
        return input =>
        {
            string[] words = ["train", "x.txt", "--config", scratch.Write("run.yaml", input)];
            ConfigurationFile.Expanded(words, tree.Root.Parse(words));
        };
    }

    /// <summary>The client's own process; its patience of 60 seconds is shortened, nothing else.</summary>
    private static Reading ReadInProcess(Scratch scratch, string ending)
    {
        var client = typeof(CommandTree).Assembly.Location;
        var process = new DocumentProcess(() => new ProcessStartInfo("dotnet", [client, ReadDocumentsCommand.Word]))
        {
            Silence = Silence,
        };
        var options = new SourceOptions { Process = process };
        return input => SourceTargets.Read(scratch.Write("a" + ending, input), options);
    }
}

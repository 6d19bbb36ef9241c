using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Gpt2Cluster.LocalCluster;
using Spectre.Console;

namespace Gpt2Cluster.Client.Output;

/// <summary>
/// Where words go. Results go to standard output; remarks, warnings and errors to standard error, so that a pipe sees
/// results only. With <c>--json</c>, standard output carries one JSON object a line and nothing else.
/// </summary>
internal sealed class ClientOutput : IRemarks
{
    /// <summary>NaN and infinities are strings, as in the events of a run.</summary>
    private static readonly JsonSerializerOptions OneLine = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // Select Graphic Rendition (ECMA-48): faint, and as it was.
    private const string Dim = "\u001b[2m";
    private const string Plain = "\u001b[0m";

    private readonly TextWriter results;
    private readonly TextWriter remarks;

    /// <summary>Makes an output.</summary>
    /// <param name="results">Standard output.</param>
    /// <param name="remarks">Standard error.</param>
    /// <param name="isTerminal">Whether a person looks at standard output.</param>
    public ClientOutput(TextWriter results, TextWriter remarks, bool isTerminal = false)
    {
        this.results = results;
        this.remarks = remarks;
        IsTerminal = isTerminal;
    }

    /// <summary>Whether standard output carries JSON lines.</summary>
    public bool IsJson { get; init; }

    /// <summary>Whether remarks are left out.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>Whether there are remarks on what happens behind the scenes.</summary>
    public bool IsVerbose { get; init; }

    /// <summary>Whether a person looks at standard output.</summary>
    public bool IsTerminal { get; }

    /// <summary>Where a person answers what is asked; null where nobody does.</summary>
    public TextReader? Answers { get; init; }

    /// <summary>Whether a live picture may be drawn.</summary>
    public bool IsLive => IsTerminal && !IsJson && !IsQuiet;

    /// <summary>The output of this process.</summary>
    public static ClientOutput OfProcess(bool isJson, bool isQuiet, bool isVerbose)
    {
        var isTerminal = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not "dumb";
        // Programs read JSON as UTF-8 whatever the locale; text on a terminal follows it.
        var results = isJson
            ? TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false))
            {
                AutoFlush = true,
            })
            : Console.Out;
        return new ClientOutput(results, Console.Error, isTerminal)
        {
            IsJson = isJson,
            IsQuiet = isQuiet,
            IsVerbose = isVerbose,
            Answers = isTerminal && !isJson && !Console.IsInputRedirected ? Console.In : null,
        };
    }

    /// <summary>A line of the command's result, for people.</summary>
    public void Result(string line)
    {
        if (!IsJson)
            results.WriteLine(line);
    }

    /// <summary>Part of the command's result as it stands, for people.</summary>
    public void ResultText(string text)
    {
        if (IsJson)
            return;
        results.Write(text);
        results.Flush();
    }

    /// <summary>A line of the command's result, for programs.</summary>
    public void Json(JsonObject line) => JsonLine(line.ToJsonString(OneLine));

    /// <summary>A line of the command's result, for programs, as it was received.</summary>
    public void JsonLine(string line)
    {
        if (!IsJson)
            return;
        results.WriteLine(line);
        results.Flush();
    }

    /// <summary>What the command is at; left out with <c>--quiet</c> and <c>--json</c>.</summary>
    public void WriteMessage(string line)
    {
        if (!IsQuiet && !IsJson)
            Aside(line);
    }

    /// <summary>A line at the edge of what a person reads, dim, for terminals alone.</summary>
    public void Footnote(string line)
    {
        if (IsLive)
            Aside($"{Dim}{line}{Plain}");
    }

    /// <summary>What happens behind the scenes; only with <c>--verbose</c>.</summary>
    public void Detail(string line)
    {
        if (IsVerbose)
            Aside(line);
    }

    /// <summary>Something the user should know although the command goes on.</summary>
    public void Warn(string sentence) => Aside($"warning: {sentence}");

    /// <summary>A line beside the results; one that cannot be written is no reason to end what goes on.</summary>
    public void Aside(string line)
    {
        try
        {
            remarks.WriteLine(line);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Standard error is full, closed or gone.
        }
    }

    /// <summary>Why the command ends.</summary>
    public void Error(string sentence, string? hint = null)
    {
        if (IsJson)
        {
            Json(new JsonObject { ["event"] = "error", ["message"] = sentence });
            return;
        }

        Aside(sentence);
        if (hint is not null)
            Aside(hint);
    }

    /// <summary>A table: drawn on a terminal, aligned words in a pipe.</summary>
    public void Table(IReadOnlyList<string> headers, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        if (IsJson)
            return;
        if (!IsTerminal)
        {
            foreach (var line in PlainTable.Lines(headers, rows))
                results.WriteLine(line);
            return;
        }

        var table = new Table().RoundedBorder();
        foreach (var header in headers)
            table.AddColumn(new TableColumn(Markup.Escape(header)));
        foreach (var row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        Terminal().Write(table);
    }

    /// <summary>The drawing surface of a terminal.</summary>
    public IAnsiConsole Terminal() =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(results) });
}

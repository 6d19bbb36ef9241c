using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>A process that ran to its end, or to its deadline.</summary>
/// <param name="ExitCode">Its exit code; null if it was ended or never began.</param>
/// <param name="Output">Its standard output.</param>
/// <param name="Failure">Why there is no result, in a line; empty if there is.</param>
internal sealed record Child(int? ExitCode, string Output, string Failure)
{
    private const int MostOfALine = 100;

    /// <summary>What it printed; null if it failed.</summary>
    public JsonElement? Json => ExitCode == 0 ? JsonDocument.Parse(Output).RootElement : null;

    /// <summary>Runs a program; it is ended with all it started when the time is over.</summary>
    public static async Task<Child> RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        TimeSpan most,
        params (string Name, string Value)[] environment)
    {
        if (most <= TimeSpan.Zero)
            return new Child(null, "", "no time was left");
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception problem)
        {
            return new Child(null, "", problem.Message);
        }

        using var _ = process;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(most);
        try
        {
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            return new Child(null, "", $"ended after {most.TotalSeconds:0} s");
        }

        var text = await output.ConfigureAwait(false);
        var code = process.ExitCode;
        return new Child(code, text, code == 0 ? "" : $"exit {code}: {Line(await errors.ConfigureAwait(false))}");
    }

    // .NET says in its first line what was not caught, Python in its last.
    private static string Line(string errors)
    {
        var lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var line = lines.FirstOrDefault(one => one.StartsWith("Unhandled", StringComparison.Ordinal))
            ?? lines.LastOrDefault() ?? "";
        return line.Length <= MostOfALine ? line : line[..MostOfALine];
    }
}

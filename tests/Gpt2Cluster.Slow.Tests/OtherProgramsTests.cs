using System.Diagnostics;
using System.Text.RegularExpressions;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// What docs/coming-from.md and the README tell people of other programs to type is typed, line by line, where a small
/// model stands in for GPT-2 and runs are short.
/// </summary>
public sealed partial class OtherProgramsTests
{
    private const string Program = "gpt2cluster ";
    private const int ContextLength = 256;

    /// <summary>What is in the store is not fetched.</summary>
    private const string Nowhere = "http://127.0.0.1:1/";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(180);

    [Fact]
    public void Each_line_runs()
    {
        var lines = Lines("docs/coming-from.md").ToList();
        Assert.True(lines.Count > 30, $"{lines.Count} lines were found");
        using var folder = new TestFolder();
        var place = Prepare(folder);
        // Its silos serve all that follows.
        Ok(
            folder, "submit", Path.Combine(place, "novel.txt"), "--run", "first", "--steps", "1", "--micro-batches",
            "2", "--sequence-length", "32", "--silos", "2");
        var failed = lines.Select(line => Run(folder, place, Short(line))).OfType<string>().ToList();
        Assert.True(failed.Count == 0, string.Join("\n\n", failed));
        Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(place, "gen")));
        Ok(folder, "stop");
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void The_README_says_the_same()
    {
        var lines = Lines("README.md").ToList();
        Assert.NotEmpty(lines);
        Assert.Empty(lines.Except(Lines("docs/coming-from.md")));
    }

    /// <summary>What stands in the right column of tables and begins with the program's name.</summary>
    private static IEnumerable<string> Lines(string document) =>
        File.ReadLines(Path.Combine(Repository.Root, document))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => Column().Split(line))
            .Where(columns => columns.Length > 2)
            .SelectMany(columns => Code().Matches(columns[2]))
            .Select(code => code.Groups[1].Value.Replace(@"\|", "|", StringComparison.Ordinal))
            .Where(code => code.StartsWith(Program, StringComparison.Ordinal));

    /// <summary>The same with few and small steps.</summary>
    private static string Short(string line)
    {
        if (!line.StartsWith($"{Program}train ", StringComparison.Ordinal))
            return line;
        line = Steps().Replace(MicroBatches().Replace(line, ""), "");
        return $"{line} --steps 2 --micro-batches 2 --sequence-length 32";
    }

    /// <returns>What was wrong; null if nothing was.</returns>
    private static string? Run(TestFolder folder, string place, string line)
    {
        var start = new ProcessStartInfo("bash")
        {
            WorkingDirectory = place,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"gpt2cluster() {{ dotnet '{Repository.ClientDll}' \"$@\"; }}; {line} < begin.txt");
        start.Environment["GPT2CLUSTER_DATA"] = folder.Path;
        start.Environment["HF_ENDPOINT"] = Nowhere;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(Deadline))
        {
            process.Kill(entireProcessTree: true);
            return $"{line}\ndid not end within {Deadline.TotalSeconds} s";
        }

        return process.ExitCode == 0 ? null
            : $"{line}\nended with {process.ExitCode}:\n{output.Result}\n{errors.Result}";
    }

    /// <summary>Writes what the lines name.</summary>
    private static string Prepare(TestFolder folder)
    {
        var place = Directory.CreateDirectory(Path.Combine(folder.Path, "place")).FullName;
        var verses = File.ReadAllText(Repository.Verses);
        Write("novel.txt", verses[..8_000]);
        Write("later.txt", verses[8_000..9_000]);
        Write("texts/one.txt", verses[..1_000]);
        Write("texts/two.txt", verses[1_000..2_000]);
        Write("begin.txt", "The sea\n");
        Write("poems.csv", string.Concat(
            verses[..3_000].Split('\n').Select(line => $"\"{line.Replace("\"", "\"\"")}\"\n").Prepend("text\n")));
        const string Chat = """
            {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day to you."}]}

            """;
        Write("chats.jsonl", string.Concat(Enumerable.Repeat(Chat, 20)));
        Write("chats-later.jsonl", string.Concat(Enumerable.Repeat(Chat, 5)));

        // It stands in for gpt2 in the store, and is what train.py left of a run.
        var model = SmallModel.Write(Path.Combine(place, "written"), context: ContextLength);
        Ok(folder, "model", "import", model, "--name", "gpt2");
        Directory.CreateDirectory(Path.Combine(place, "checkpoint"));
        Ok(folder, "model", "export", model, Path.Combine(place, "checkpoint", "run1"), "--format", "openai");
        return place;

        void Write(string name, string text)
        {
            var path = Path.Combine(place, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
    }

    private static void Ok(TestFolder folder, params string[] arguments)
    {
        using var client = ClientProcess.Run(folder, arguments);
        Assert.True(client.WaitForExit() == 0, client.Said);
    }

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Column();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@" --steps \d+")]
    private static partial Regex Steps();

    [GeneratedRegex(@" --micro-batches \d+")]
    private static partial Regex MicroBatches();
}

namespace Gpt2Cluster.Core.Tests.Workers;

/// <summary>Golden scripts: what one worker does for a run, to be read by people, line for line.</summary>
public sealed class WorkerScriptTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Transcripts", "Workers");

    public static TheoryData<string> Names { get; } =
        [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    /// <summary>What was done instead lies beside the built script, as <c>.actual</c>.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void The_worker_does_what_the_script_says(string name)
    {
        var expected = File.ReadAllText(Path.Combine(Folder, name + ".txt"));
        var actual = WorkerScript.Play(expected);
        if (actual != expected)
            File.WriteAllText(Path.Combine(Folder, name + ".actual"), actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void There_are_scripts() => Assert.True(Names.Count >= 6);
}
